"""How much of which behaviour, with which object: the mix of a collection, as named data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from armchair.errors import BadValueError
from armchair.registry import Registry
from armchair.sim.behaviours import BEHAVIOURS
from armchair.sim.objects import OBJECTS

Shares = tuple[tuple[str, float], ...]
"""Names and how often each is drawn; shares need not sum to 1."""


@dataclass(frozen=True, kw_only=True)
class MixConfig:
    """What each episode is drawn from.

    Raises `UnknownNameError` for a name that is not registered, `BadValueError` for bad shares.
    """

    behaviours: Shares
    objects: Shares = (("box", 1.0),)

    def __post_init__(self) -> None:
        for names, known in ((self.behaviours, BEHAVIOURS), (self.objects, OBJECTS)):
            for name, _ in names:
                known[name]
            shares = [share for _, share in names]
            if not np.isfinite(shares).all() or min(shares, default=-1) < 0 or sum(shares) <= 0:
                raise BadValueError(
                    f"mix {names}: shares must be numbers from 0 up, and one above 0."
                )


MIXES: Registry[MixConfig] = Registry("mix")
MIXES.add("reach")(MixConfig(behaviours=(("play", 0.4), ("steps", 0.35), ("reach", 0.25))))
"""The data of the first shipped model: no object is touched on purpose."""
MIXES.add("tasks")(
    MixConfig(
        behaviours=(
            ("play", 0.05),
            ("steps", 0.08),
            ("reach", 0.07),
            ("near", 0.18),
            ("grasp", 0.14),
            ("carry", 0.16),
            ("place", 0.10),
            ("push", 0.10),
            ("gripper", 0.06),
            ("recover", 0.06),
        ),
        objects=(("box", 0.5), ("cup", 0.5)),
    )
)
"""Everything that the benchmark's tasks need, about two thirds of it in settled steps."""

MIXES.add("rearranged")(
    MixConfig(behaviours=(("rearrange", 1.0),), objects=(("box", 0.5), ("cup", 0.5)))
)
"""Videos for pre-training, beside `tasks`: what an object looks like wherever it stands."""

MIXES.add("uniform")(
    MixConfig(
        behaviours=(("glide", 0.9), ("glide_fingers", 0.1)), objects=(("box", 0.5), ("cup", 0.5))
    )
)
"""Videos for pre-training with `recipe.uniform`: uniform motion, seen otherwise in each picture."""


def parse_shares(texts: Sequence[str]) -> Shares:
    """Return what `grasp=0.5 carry=0.5` means; raises `BadValueError` for anything else."""
    found = []
    for text in texts:
        name, equals, share = text.partition("=")
        try:
            found.append((name, float(share)))
        except ValueError:
            equals = ""
        if not (name and equals):
            raise BadValueError(f"share {text!r}: give NAME=NUMBER, grasp=0.5 say.")
    return tuple(found)


def draw(shares: Shares, rng: np.random.Generator) -> str:
    """Return one of the names, as often as its share says."""
    names, weights = zip(*shares, strict=True)
    return str(rng.choice(names, p=np.array(weights) / sum(weights)))

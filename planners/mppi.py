"""MPPI: move the mean by all samples, each weighed by how low its energy is.

Source: Williams et al., "Information theoretic MPC", 2017. The temperature is a share of the
energies' own spread, because energies of different models have different units; the deviation
shrinks from one iteration to the next.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from armchair.errors import BadValueError, check_least
from armchair.planners.distribution import Distribution, Spread
from armchair.planners.energy import check_choice
from armchair.planners.frame import SearchPlanner
from armchair.planners.protocol import PLANNERS
from armchair.planners.search import (
    HAND_RULES,
    Ask,
    Found,
    Search,
    SearchConfig,
    Start,
)


@dataclass(frozen=True, kw_only=True)
class MppiConfig(SearchConfig):
    """temperature: in standard deviations of the energies; low trusts the best, high averages.

    shrink: share of the deviation that stays after an iteration; noise_exponent: colour of the
    noise, 0 is white; returns: the last mean, which is scored too, or the best candidate seen.
    """

    samples: int = 128
    iterations: int = 6
    temperature: float = 0.2
    shrink: float = 0.6
    noise_exponent: float = 0.0
    spread: Spread = field(default_factory=lambda: Spread(gripper=0.5))
    returns: Literal["mean", "best"] = "mean"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_least(self, samples=1, iterations=1)
        for name in ("temperature", "shrink"):
            if not 0.0 < getattr(self, name) < float("inf"):
                raise BadValueError(f"{name} is {getattr(self, name)}, expected more than zero.")
        check_choice("returns", self.returns, ("mean", "best"))

    def __call__(self, start: Start) -> Search:
        """Return a fresh search."""
        return search(self, start)


def search(c: MppiConfig, start: Start) -> Search:
    """Search as the settings say."""
    first = Distribution.first(c.spread, c.bounds, c.horizon, start.device)
    mean, deviation = first.mean, first.deviation
    best, lowest = mean, float("inf")
    for iteration in range(c.iterations):
        noisy = Distribution(mean, deviation)
        raw = noisy.sample(c.samples, start.generator, c.noise_exponent)
        drawn = c.bounds.clip(raw if iteration else c.bounds.some_near(raw))
        drawn[0] = c.bounds.clip(mean if iteration or start.guess is None else start.guess)
        energies = (yield Ask(drawn)).energies
        place = int(energies.argmin())
        if energies[place] < lowest:
            best, lowest = drawn[place], float(energies[place])
        if bool(energies.isfinite().any()):
            mean = torch.einsum("c,cha->ha", _weights(energies, c.temperature), drawn)
        deviation = deviation * c.shrink
    last = c.legal(mean if c.returns == "mean" else best)
    energy = float((yield Ask(last[None])).energies)
    return Found(last, energy)


def _weights(energies: Tensor, temperature: float) -> Tensor:
    """Return weights (candidates,) that sum to one; zero where the energy is infinite, as not all
    may be."""
    finite = energies[energies.isfinite()]
    spread = finite.std() if len(finite) > 1 else finite.new_tensor(1.0)
    scale = temperature * spread.clamp(min=torch.finfo(spread.dtype).eps)
    return torch.softmax((finite.min() - energies) / scale, dim=0)


@PLANNERS.add("mppi")
def mppi() -> SearchPlanner[MppiConfig]:
    """Return MPPI on the budget of `cem`."""
    return SearchPlanner(MppiConfig(warm_start=True, **HAND_RULES))

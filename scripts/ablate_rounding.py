"""Ablation: what of planning's bfloat16 makes the error of `armchair bench --only plan-long`.

    python scripts/ablate_rounding.py                   # docs/ablations.md; some minutes of a core

The packed predictor runs in float32 and rounds to bfloat16 where the packed bfloat16 one does, so
that each place can be told apart, on any processor. The error is that of `bench`: the
mean distance to the plain rendering's energies, in percent of their spread over the candidates.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from types import SimpleNamespace
from typing import Any

import torch
from ablation import PAGE, write_between
from torch import Tensor

from armchair.bench.plain import plain_energies
from armchair.bench.planning import CANDIDATES, agreement, looking_back, problem
from armchair.evaluation.models import NamedModel, load_world_model
from armchair.evaluation.provenance import code_version, in_short, processor
from armchair.planners.energy import score
from armchair.worldmodel.model import WorldModel
from armchair.worldmodel.packed import Frame, Memory, PackedLayer, PackedPredictor
from armchair.worldmodel.precision import float32

BEGIN, END = "<!-- rounding: begin -->", "<!-- rounding: end -->"
PLACES = ("inputs", "outputs", "queries and keys", "scores", "weights")
"""What is rounded: what matrix products read and give, turned queries and keys, the scores of
attention, and their softmax."""
LOOKS = frozenset({"queries and keys", "scores"})
FRAMES, HORIZON = 3, 4


@dataclass(frozen=True)
class Rounding:
    """Places that are rounded, and layers in which queries, keys and scores are not."""

    places: frozenset[str] = frozenset(PLACES)
    spared: frozenset[int] = frozenset()


class RoundedPredictor(PackedPredictor):
    """The packed predictor in float32, its values rounded to bfloat16 at some places."""

    def __init__(self, model: WorldModel, rounding: Rounding) -> None:
        super().__init__(model.predictor, torch.float32)
        self._rounding, self._present = rounding, 0
        self._layers = [self._rounding_layer(layer) for layer in self._layers]

    def of(self, predictor: object, dtype: object) -> PackedPredictor:
        """Stand where a world model has its `PackedOnce`."""
        return self

    def _round(self, place: str, x: Tensor) -> Tensor:
        spared = place in LOOKS and self._present in self._rounding.spared
        return x.bfloat16().float() if place in self._rounding.places and not spared else x

    def _rounding_layer(self, layer: PackedLayer) -> Any:
        def read(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
            return lambda x: self._round("inputs", function(x))

        def product(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
            return lambda x: self._round("outputs", function(x))

        return SimpleNamespace(
            norm1=read(layer.norm1),
            qkv=product(layer.qkv),
            proj=product(lambda mixed: layer.proj(self._round("inputs", mixed))),
            norm2=read(layer.norm2),
            fc1=SimpleNamespace(gelu=read(layer.fc1.gelu)),
            fc2=product(layer.fc2),
        )

    def _through(
        self, frame: Frame, memory: Memory | None, *, wanted: bool
    ) -> tuple[Tensor | None, Memory]:
        tokens = self._round("inputs", frame.tokens)
        out, longer = super()._through(frame._replace(tokens=tokens), memory, wanted=wanted)
        return (None if out is None else self._round("outputs", out)), longer

    def _project(self, layer: Any, x: Tensor, tables: tuple[Tensor, Tensor]) -> Tensor:
        self._present = self._layers.index(layer)
        projected = super()._project(layer, x, tables)
        projected[:2] = self._round("queries and keys", projected[:2])
        return projected

    def _mix(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        count = len(queries[0])
        q, k, v = (part.expand(-1, count, -1, -1) for part in (queries, keys, values))
        scores = self._round("scores", q @ k.transpose(-2, -1))
        mixed = self._round("weights", scores.softmax(-1)) @ v
        return mixed.permute(1, 2, 0, 3).flatten(2)


def rows(layers: int) -> Iterator[tuple[str, Rounding]]:
    """Yield what is rounded, in words, and as a rounding."""
    every = frozenset(PLACES)
    yield "everything", Rounding()
    for place in PLACES:
        yield f"{place} alone", Rounding(frozenset({place}))
    for place in PLACES:
        yield f"all but {place}", Rounding(every - {place})
    yield "all but queries, keys and scores", Rounding(every - LOOKS)
    for layer in range(layers):
        yield f"all but those of layer {layer + 1}", Rounding(spared=frozenset({layer}))
    last = frozenset(range(layers // 2, layers))
    yield "all but those of the last half of the layers", Rounding(spared=last)


def table(named: NamedModel, scenes: int) -> str:
    """Return the Markdown of the errors, over scenes, each with candidates of its own."""
    model = named.model
    own, far = looking_back(model, model.predictor.config.context_frames), looking_back(model, None)
    problems = [problem(far, FRAMES, HORIZON, scene) for scene in range(scenes)]

    def plain(of: WorldModel) -> list[Tensor]:
        return [plain_energies(of, context, given, goal) for context, goal, given in problems]

    def row(words: str, of: WorldModel, truths: list[Tensor]) -> str:
        found = [score(of, context, given, goal) for context, goal, given in problems]
        pairs = zip(found, truths, strict=True)
        errors = [agreement(energies, truth)["error_percent"] for energies, truth in pairs]
        cells = [statistics.mean(errors), min(errors), max(errors)]
        text = f"| {words} | {' | '.join(f'{cell:.2f} %' for cell in cells)} |"
        print(text, flush=True)
        return text

    with torch.inference_mode():
        truths = plain(far)
        lines = [
            row("as it plans here, looking back as in training", own, plain(own)),
            row("as it plans here, looking back on all", far, truths),
        ]
        with float32():
            for words, rounding in rows(model.predictor.config.depth):
                far.packed = RoundedPredictor(model, rounding)
                lines.append(row(words, far, truths))
    return "\n".join(
        [
            f"Model `{named.name}` `{named.sha256[:12]}`, {scenes} scenes, {CANDIDATES} candidates "
            f"each, horizon {HORIZON}, {FRAMES} frames seen; "
            f"code `{in_short(code_version())}`, {processor()}, {date.today()}.",
            "",
            "| rounded to bfloat16 | error, mean | least | largest |",
            "| --- | --- | --- | --- |",
            *lines,
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--model", default="default", help="name or folder of a world model")
    parser.add_argument("--scenes", type=int, default=10, help="of the validation role")
    options = parser.parse_args()
    write_between(PAGE, BEGIN, END, table(load_world_model(options.model), options.scenes))


if __name__ == "__main__":
    main()

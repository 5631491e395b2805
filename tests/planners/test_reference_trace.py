"""`cem-meta` against a trace of the reference: same noise, same iterations, same answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from armchair.planners import Context, load_planner, with_options
from armchair.planners.distribution import Distribution

TRACE = json.loads((Path(__file__).parents[1] / "golden" / "cem_meta.json").read_text())
SEARCHED = torch.tensor([0, 1, 2, 6])


class ToyWorld:
    """Latents (2, 3); an action adds `linear` a + (`curved` a)², as in the trace."""

    def encode(self, frames: Tensor) -> Tensor:
        raise AssertionError("nothing is encoded here")

    def rollout(
        self, latents: Tensor, states: Tensor, past_actions: Tensor, candidates: Tensor
    ) -> Tensor:
        linear, curved = (candidates @ torch.tensor(TRACE[name]).T for name in ("linear", "curved"))
        change = (linear + curved**2).unflatten(-1, (2, 3))
        return latents[-1] + change.cumsum(dim=1)


@pytest.mark.parametrize("case", TRACE["cases"], ids=lambda case: f"horizon {case['horizon']}")
def test_every_iteration_is_the_references(
    case: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    horizon, drawn = case["horizon"], iter(case["noise"])

    def noise(shape: tuple[int, ...], **_: object) -> Tensor:
        """Give the recorded draws, which the reference makes step by step, in our order."""
        values = torch.zeros(shape)
        for step in range(horizon):
            values[:, step, SEARCHED] = torch.tensor(next(drawn))
        return values

    moved: list[Distribution] = []
    honest = Distribution.towards

    def towards(*arguments: Any, **settings: Any) -> Distribution:
        moved.append(honest(*arguments, **settings))
        return moved[-1]

    monkeypatch.setattr(torch, "randn", noise)
    monkeypatch.setattr(Distribution, "towards", towards)
    sizes = [f"{name}={TRACE[name]}" for name in ("samples", "iterations", "elites")]
    planner = with_options(load_planner("cem-meta"), [*sizes, f"horizon={horizon}"])
    here = Context(
        latents=torch.zeros(1, 2, 3), states=torch.zeros(1, 7), past_actions=torch.zeros(0, 7)
    )
    plan = planner.plan(ToyWorld(), here, torch.tensor(case["goal"]), torch.Generator())
    assert len(moved) == TRACE["iterations"]
    for number, ours in enumerate(moved):
        for name, values in (("means", ours.mean), ("deviations", ours.deviation)):
            reference = torch.tensor(case[name][number])
            torch.testing.assert_close(values[:, SEARCHED], reference, rtol=0, atol=1e-5)
    torch.testing.assert_close(plan.actions, torch.tensor(case["answer"]), rtol=0, atol=1e-5)


def test_the_traces_show_what_is_rounded_away_and_what_is_not() -> None:
    grippers = [[step[6] for step in case["answer"]] for case in TRACE["cases"]]
    last = [[step[3] for step in case["means"][-1]] for case in TRACE["cases"]]
    assert grippers[0] == [0.0]
    assert 0.0 < last[0][0] < 0.25
    assert grippers[1] == last[1]

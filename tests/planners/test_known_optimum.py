"""Every planner on linear dynamics, where the best action is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from armchair.planners import (
    FREE_HAND,
    HAND_RULES,
    PLANNERS,
    ActionBounds,
    load_planner,
    with_options,
)
from armchair.planners.distribution import coloured
from tests.planners.linear_model import SEEN, LinearModel, context

GOLDEN = Path(__file__).parent / "golden" / "cem.json"
SEARCHES = [name for name in PLANNERS if name != "random-shooting"]
axis = st.floats(-0.07, 0.07)


def ends(actions: Tensor) -> Tensor:
    """Return where a plan leads (4,): the sum of its actions, as the model sees them."""
    return actions[:, SEEN].sum(dim=0)


@pytest.mark.parametrize("name", SEARCHES)
@settings(max_examples=8, deadline=None)
@given(st.tuples(axis, axis, axis), st.sampled_from([-0.6, 0.0, 0.5]), st.integers(0, 99))
def test_the_known_optimum_is_found(
    name: str, place: tuple[float, float, float], gripper: float, seed: int
) -> None:
    goal = torch.tensor([[*place, gripper]])
    generator = torch.Generator().manual_seed(seed)
    planner = with_options(load_planner(name), FREE_HAND)
    plan = planner.plan(LinearModel(), context(), goal, generator)
    missed = (ends(plan.actions) - goal[0]).abs()
    assert float(missed[:3].mean()) < 0.012
    assert float(missed[3]) < 0.2


@pytest.mark.parametrize("name", [n for n in PLANNERS if n not in ("cem-paper", "cem-meta")])
def test_the_hand_keeps_its_rules(name: str) -> None:
    def planned(place: float, gripper: float) -> Tensor:
        goal = torch.tensor([[place, 0.0, 0.0, gripper]])
        plan = load_planner(name).plan(
            LinearModel(), context(), goal, torch.Generator().manual_seed(0)
        )
        assert HAND_RULES["bounds"].contains(plan.actions)
        return plan.actions

    plan = planned(0.07, 0.7)  # to close counts for more here than to go
    (closing,) = plan[plan[:, 6] > 0.2]  # at once, or, by who plans so far, on arrival
    assert closing[:3].abs().max() <= 0.015 + 1e-6
    going = planned(0.07, 0.03)[0]  # a change so small is none
    assert going[0] > 0.04
    assert going[6] == 0.0
    opening = float(planned(0.0, -0.2)[0, 6])
    assert opening == 0.0 or opening <= -HAND_RULES["opening_deadband"]
    assert planned(0.0, -0.7)[0, 6] < -0.3


def test_a_search_beats_shooting() -> None:
    goal = torch.tensor([[0.03, -0.02, 0.05, 0.5]])

    def lowest(name: str) -> float:
        plans = (
            with_options(load_planner(name), FREE_HAND).plan(
                LinearModel(), context(), goal, torch.Generator().manual_seed(s)
            )
            for s in range(5)
        )
        return float(np.median([plan.energy for plan in plans]))

    shooting = lowest("random-shooting")
    found = {name: lowest(name) / shooting for name in ("cem", "icem", "mppi", "gradient")}
    assert max(found.values()) < 0.7, found


@pytest.mark.parametrize("name", list(PLANNERS))
@pytest.mark.parametrize("shape", ["box", "l1-ball", "l2-ball"])
@pytest.mark.parametrize("rotation", [0.0, 0.2])
def test_candidates_and_plans_stay_within_every_shape(
    name: str, shape: str, rotation: float
) -> None:
    bounds = ActionBounds(shape=shape, rotation=rotation, translation=0.05, gripper=0.4)  # type: ignore[arg-type]

    class Watcher(LinearModel):
        def rollout(self, *arguments: Tensor) -> Tensor:
            assert bounds.contains(arguments[-1].detach())
            return super().rollout(*arguments)

    planner = with_options(
        load_planner(name),
        [
            f"bounds.shape={shape}",
            f"bounds.rotation={rotation}",
            "bounds.translation=0.05",
            "bounds.gripper=0.4",
        ],
    )
    goal = torch.tensor([[0.3, -0.2, 0.3, 0.9]])
    plan = planner.plan(Watcher(), context(), goal, torch.Generator().manual_seed(0))
    assert bounds.contains(plan.actions)


THEN = (
    "samples=64",
    "iterations=5",
    "elites=8",
    *FREE_HAND,
    "gripper_deadband=0.25",
    "covariance=false",
    "second_spread=0",
)
"""The default's settings when the file was written."""


def test_the_default_planner_still_makes_the_plans_it_made() -> None:
    """The file was written by `cem` before the planners had a common frame, float by float."""
    goal = torch.tensor([[0.05, -0.03, 0.2, 0.9]])
    for row in json.loads(GOLDEN.read_text()):
        planner = with_options(load_planner("cem"), [f"horizon={row['horizon']}", *THEN])
        guess = torch.tensor([[0.01, 0.02, -0.03, 0, 0, 0, 0.4]] * row["horizon"])
        generator = torch.Generator().manual_seed(row["seed"])
        plan = planner.plan(
            LinearModel(), context(2), goal, generator, guess if row["warm"] else None
        )
        expected = [[float.fromhex(value) for value in step] for step in row["actions"]]
        torch.testing.assert_close(plan.actions, torch.tensor(expected), rtol=0, atol=1e-7)


def test_cem_meta_follows_the_reference() -> None:
    """Against the reference planner's published facts, written out a second time in numpy.

    Ten elites of 800, ten iterations, mean and deviation keep 0.15 of the old, translation clipped
    at ±0.075 and drawn with that deviation, gripper at ±0.75 and drawn with 1, no rotation, gripper
    below 0.25 becomes zero in the answer, which is the last mean.
    """
    goal = np.array([0.04, -0.06, 0.02, 0.2])
    noise = torch.Generator().manual_seed(11)
    mean, deviation = np.zeros(7), np.array([0.075, 0.075, 0.075, 0, 0, 0, 1.0])
    limit = np.array([0.075, 0.075, 0.075, 0, 0, 0, 0.75])
    for _ in range(10):
        drawn = mean + deviation * torch.randn((800, 1, 7), generator=noise)[:, 0].double().numpy()
        drawn = np.clip(drawn, -limit, limit)
        energies = np.abs(drawn[:, [0, 1, 2, 6]] - goal).mean(axis=1)
        elites = drawn[np.argsort(energies)[:10]]
        mean = 0.85 * elites.mean(axis=0) + 0.15 * mean
        deviation = 0.85 * elites.std(axis=0, ddof=1) + 0.15 * deviation
    mean[6] = 0.0 if abs(mean[6]) < 0.25 else mean[6]
    plan = load_planner("cem-meta").plan(
        LinearModel(),
        context(),
        torch.tensor(goal[None], dtype=torch.float32),
        torch.Generator().manual_seed(11),
    )
    np.testing.assert_allclose(plan.actions[0].numpy(), mean, atol=2e-5)
    assert plan.evaluations == 8001  # the answer itself is scored, too


@pytest.mark.parametrize("horizon", [4, 5, 8])
def test_coloured_noise_has_unit_variance_and_drifts(horizon: int) -> None:
    white = torch.randn(20000, horizon, 1, generator=torch.Generator().manual_seed(0))
    red = coloured(white, 2.0)[..., 0]
    assert red.var(dim=0).mean().item() == pytest.approx(1.0, abs=0.05)
    assert float((red[:, 0] * red[:, 1]).mean()) > 0.2
    assert torch.equal(coloured(white, 0.0), white)

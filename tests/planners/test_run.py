"""One search under way: what is no number, what is returned and its energy, first iterations."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from armchair.errors import BadValueError
from armchair.planners import (
    HAND_RULES,
    PLANNERS,
    ImaginationError,
    Plan,
    SearchPlanner,
    load_planner,
    with_options,
)
from armchair.planners.cem import CemConfig
from armchair.planners.cem_waypoint import CemWaypointConfig
from armchair.planners.energy import score
from tests.planners.linear_model import BatchedLinearModel, LinearModel, context

FAR = torch.tensor([[0.2, -0.2, 0.1, 0.4]])
NAMES = list(PLANNERS)


class Unsteady(LinearModel):
    """Imagines no number for a random share of the candidates."""

    def __init__(self, share: float, seed: int) -> None:
        super().__init__()
        self._share, self._generator = share, torch.Generator().manual_seed(seed)

    def rollout(self, *arguments: Tensor) -> Tensor:
        imagined = super().rollout(*arguments)
        broken = torch.rand(len(imagined), generator=self._generator) < self._share
        return imagined.masked_fill(broken[:, None, None, None], float("nan"))


def small(name: str, *options: str) -> SearchPlanner:  # type: ignore[type-arg]
    """Return the planner with a tenth of the samples where it has many."""
    planner = load_planner(name)
    if planner.describe().get("samples", 0) > 200:
        options = ("samples=64", *options)
    return with_options(planner, options)  # type: ignore[return-value]


def energy_of(plan: Plan, goal: Tensor) -> float:
    """Return the energy of a plan before `closing_gain`, which the caller switches off."""
    return float(score(LinearModel(), context(), plan.actions[None], goal))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("share", [0.02, 0.1, 0.5])
def test_one_candidate_without_an_energy_stops_nothing(name: str, share: float) -> None:
    planner, dropped = small(name, "closing_gain=1"), 0
    for seed in range(8):
        generator = torch.Generator().manual_seed(seed)
        plan = planner.plan(Unsteady(share, seed), context(), FAR, generator)
        assert plan.energy == pytest.approx(energy_of(plan, FAR), abs=1e-6)
        assert planner.config.bounds.contains(plan.actions)
        dropped += plan.dropped
    assert dropped > 0


class BrokenLater(LinearModel):
    """Imagines no number after its first answers."""

    def __init__(self, good: int) -> None:
        super().__init__()
        self._left = good

    def rollout(self, *arguments: Tensor) -> Tensor:
        self._left -= 1
        imagined = super().rollout(*arguments)
        return imagined if self._left >= 0 else imagined * float("nan")


@pytest.mark.parametrize(
    ("name", "options"),
    [(name, ()) for name in NAMES if name != "random-shooting"]
    + [(name, ("carried=0",)) for name in ("cem", "cem-waypoint")],
)
def test_nothing_but_the_first_answer_is_a_number(name: str, options: tuple[str, ...]) -> None:
    good = 3 if name == "cem-waypoint" else 1  # rollouts of one iteration
    plan = small(name, "closing_gain=1", *options).plan(
        BrokenLater(good), context(), FAR, torch.Generator().manual_seed(0)
    )
    assert plan.energy == pytest.approx(energy_of(plan, FAR), abs=1e-6)
    assert not plan.cut_short
    assert plan.dropped > 0


def test_long_ways_without_an_energy_are_left_out() -> None:
    class Short(LinearModel):
        def rollout(self, *arguments: Tensor) -> Tensor:
            imagined = super().rollout(*arguments)
            return imagined * (float("nan") if arguments[-1].shape[1] == 3 else 1.0)

    plan = load_planner("cem-waypoint").plan(Short(), context(), FAR, torch.Generator())
    assert plan.dropped > 20
    assert plan.actions[1].any()
    assert not plan.actions[2].any()


@pytest.mark.parametrize("name", NAMES)
def test_one_broken_environment_leaves_the_others_their_plans(name: str) -> None:
    class OneBroken(BatchedLinearModel):
        def rollout(self, *arguments: Tensor) -> Tensor:
            broken = bool(arguments[0][-1, 0, 0] > 0.015)
            return super().rollout(*arguments) * (float("nan") if broken else 1.0)

        def rollout_batch(self, *arguments: Tensor) -> Tensor:
            broken = arguments[0][:, -1, 0, 0] > 0.015
            return (
                super()
                .rollout_batch(*arguments)
                .masked_fill(broken[:, None, None, None, None], float("nan"))
            )

    def generators() -> list[torch.Generator]:
        return [torch.Generator().manual_seed(seed) for seed in range(3)]

    places, planner = [context(1, x) for x in (0.0, 0.02, 0.01)], small(name)
    good, broken, other = planner.plan_batch(OneBroken(), places, [FAR] * 3, generators())
    assert isinstance(broken, ImaginationError)
    for found, number in ((good, 0), (other, 2)):
        alone = planner.plan(LinearModel(), places[number], FAR, generators()[number])
        assert isinstance(found, Plan)
        torch.testing.assert_close(found.actions, alone.actions, rtol=0, atol=1e-6)


near = st.floats(-0.06, 0.06)
goals = st.tuples(near, near, near, st.floats(-0.9, 0.9))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=12, deadline=None)
@given(goals, st.integers(0, 99), st.sampled_from([None, 0.3, 0.9]), st.booleans())
def test_the_answer_is_legal_and_its_energy_its_own(
    name: str, goal: tuple[float, ...], seed: int, share: float | None, mean: bool
) -> None:
    """Whole searches and such as a budget cuts short, with all rules for the hand."""
    rules = [f"bounds.grip_within={HAND_RULES['bounds'].grip_within}", "bounds.gripper=1"]
    rules += [f"{key}={HAND_RULES[key]}" for key in ("gripper_deadband", "opening_deadband")]  # type: ignore[literal-required]
    planner = small(name, *rules, "closing_gain=1")
    if mean and name == "cem":
        planner = with_options(planner, ["returns=elite-mean", "iterations=2"])  # type: ignore[assignment]
    wanted = torch.tensor([goal])

    def planned(planner: SearchPlanner) -> Plan:  # type: ignore[type-arg]
        generator = torch.Generator().manual_seed(seed)
        return planner.plan(LinearModel(), context(), wanted, generator)

    plan = planned(planner)
    if share is not None and name != "random-shooting":
        budget = max(int(share * plan.evaluations), 3 * 256)
        plan = planned(with_options(planner, [f"budget.evaluations={budget}"]))  # type: ignore[arg-type]
        assert plan.evaluations <= budget
    config = planner.config
    assert config.bounds.contains(plan.actions)
    torch.testing.assert_close(plan.actions, config.legal(plan.actions), rtol=0, atol=1e-6)
    assert plan.energy == pytest.approx(energy_of(plan, wanted), abs=1e-6)


def test_a_mean_between_two_ways_to_close_is_made_legal() -> None:
    """Elites that close nearby and such that go far average to what does neither."""
    rules: dict[str, Any] = {**HAND_RULES, "closing_gain": 1.0}
    config = CemConfig(**rules, samples=128, iterations=2, elites=12)
    bounds = config.bounds
    for seed in range(20):
        goal = torch.tensor([[0.035, 0.0, 0.0, 0.2]])
        plan = SearchPlanner(config).plan(
            LinearModel(), context(), goal, torch.Generator().manual_seed(seed)
        )
        assert bounds.contains(plan.actions)
        assert plan.energy == pytest.approx(energy_of(plan, goal), abs=1e-6)


def test_the_first_iteration_over_waypoints_is_whole() -> None:
    def plan(*options: str) -> Plan:
        planner = with_options(load_planner("cem-waypoint"), options)
        return planner.plan(LinearModel(), context(), FAR, torch.Generator().manual_seed(0))

    once = plan("iterations=1")
    late = plan("budget.seconds=1e-9")
    assert late.cut_short
    assert late.evaluations == once.evaluations > 200
    torch.testing.assert_close(late.actions, once.actions)
    most = CemWaypointConfig().first_samples * CemWaypointConfig().horizon
    with pytest.raises(BadValueError, match=f"below one iteration, which takes up to {most}"):
        plan(f"budget.evaluations={most - 1}")
    assert once.evaluations <= plan(f"budget.evaluations={most}").evaluations <= most
    assert len(plan().history) == CemWaypointConfig().iterations


def test_an_energy_that_a_search_leaves_open_is_asked_for_within_the_budget() -> None:
    def plan(budget: int) -> Plan:
        options = ["samples=64", f"budget.evaluations={budget}"]
        planner = with_options(load_planner("cem-paper"), options)
        return planner.plan(LinearModel(), context(), FAR, torch.Generator().manual_seed(0))

    whole, cut = plan(641), plan(640)
    assert (whole.evaluations, whole.cut_short) == (641, False)
    assert (cut.evaluations, cut.cut_short) == (640, True)
    assert cut.energy == cut.history[-1] == pytest.approx(energy_of(cut, FAR), abs=1e-6)
    assert math.isfinite(whole.energy)

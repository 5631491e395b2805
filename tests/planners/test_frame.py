"""What the frame does for every search: batches, budgets, numbers that are none, bad input."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from armchair.errors import BadValueError
from armchair.planners import (
    FREE_HAND,
    PLANNERS,
    ImaginationError,
    Objective,
    Plan,
    load_planner,
    with_options,
)
from armchair.planners.energy import BACKWARD_SHARE
from tests.planners.linear_model import (
    BatchedLinearModel,
    LinearModel,
    SometimesBroken,
    context,
)

STARTING = ("cem", "cem-fit", "cem-gradient", "cem-waypoint", "gradient", "icem", "mppi")
GOAL = torch.tensor([[0.05, -0.03, 0.02, 0.5]])
GOALS = [torch.tensor([[x, -0.03, 0.02, 0.5]]) for x in (0.05, -0.02, 0.2)]


def generators() -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in (3, 4, 5)]


def plan(name: str, model: LinearModel, *options: str, guess: Tensor | None = None) -> Plan:
    planner = with_options(load_planner(name), (*FREE_HAND, *options))
    return planner.plan(model, context(), GOAL, torch.Generator().manual_seed(0), guess)


@pytest.mark.parametrize("name", list(PLANNERS))
@pytest.mark.parametrize("model", [LinearModel(), BatchedLinearModel()])
def test_a_batch_of_environments_is_a_loop_over_them(name: str, model: LinearModel) -> None:
    planner = load_planner(name)
    contexts = [context(2, place) for place in (0.0, 0.01, 0.02)]
    together = planner.plan_batch(model, contexts, GOALS, generators())  # type: ignore[attr-defined]
    alone = [
        planner.plan(model, *problem) for problem in zip(contexts, GOALS, generators(), strict=True)
    ]
    for one, other in zip(together, alone, strict=True):
        torch.testing.assert_close(one.actions, other.actions, rtol=0, atol=1e-6)
        assert one.history == pytest.approx(other.history, abs=1e-6)
        assert (one.evaluations, one.gradients) == (other.evaluations, other.gradients)


@pytest.mark.parametrize("name", list(PLANNERS))
def test_environments_are_imagined_together(name: str) -> None:
    """Over waypoints where they ask for about as many candidates of one length, else always."""
    model, contexts = BatchedLinearModel(), [context(1, place) for place in (0.0, 0.01, 0.02)]
    plans = load_planner(name).plan_batch(model, contexts, GOALS, generators())  # type: ignore[attr-defined]
    evaluations = sum(p.evaluations for p in plans)
    if name == "cem-waypoint":
        assert evaluations - model.imagined > 0.5 * evaluations
    else:
        assert model.imagined == 0


def test_gradients_in_a_batch_keep_to_the_memory_budget() -> None:
    class Watcher(BatchedLinearModel):
        largest = 0

        def rollout_batch(self, *arguments: Tensor) -> Tensor:
            if arguments[-1].requires_grad:
                envs, candidates = arguments[-1].shape[:2]
                self.largest = max(self.largest, envs * candidates)
            return super().rollout_batch(*arguments)

    contexts = [context(1, place) for place in (0.0, 0.01, 0.02)]
    six = 6 * (4 * 4 * BACKWARD_SHARE) / 2**20  # candidates of four floats, in megabytes
    free, tight = Watcher(), Watcher()
    found = [
        with_options(load_planner("gradient"), (*FREE_HAND, *options)).plan_batch(  # type: ignore[attr-defined]
            model, contexts, GOALS, generators()
        )
        for model, options in ((free, ()), (tight, (f"budget.memory_mb={six}",)))
    ]
    assert tight.largest == 6 < free.largest
    for one, other in zip(*found, strict=True):
        assert one.gradients > 0
        torch.testing.assert_close(one.actions, other.actions, rtol=0, atol=1e-6)


def test_contexts_of_different_length_are_planned_one_by_one() -> None:
    model, planner = BatchedLinearModel(), load_planner("cem")
    contexts = [context(1), context(2), context(3)]
    plans = planner.plan_batch(model, contexts, GOALS, generators())  # type: ignore[attr-defined]
    assert len(plans) == 3
    assert model.batches == 0


@pytest.mark.parametrize("name", list(PLANNERS))
def test_an_evaluation_budget_is_kept(name: str) -> None:
    free = plan(name, LinearModel())
    assert not free.cut_short
    limit = free.evaluations - 1
    if name == "random-shooting":
        with pytest.raises(BadValueError, match="below one iteration, which takes 768"):
            plan(name, LinearModel(), f"budget.evaluations={limit}")
        return
    model = LinearModel()
    found = plan(name, model, f"budget.evaluations={limit}")
    assert found.cut_short
    assert found.evaluations == model.imagined <= limit


def test_a_time_budget_ends_after_one_iteration_at_the_earliest() -> None:
    found = plan("cem", LinearModel(), "budget.seconds=1e-9")
    assert found.cut_short
    assert found.evaluations == load_planner("cem").describe()["samples"]
    assert len(found.history) == 1


@pytest.mark.parametrize("name", list(PLANNERS))
def test_candidates_without_an_energy_are_dropped_and_counted(name: str) -> None:
    found = plan(name, SometimesBroken())
    assert found.dropped > 0
    assert found.actions[0, 0] >= 0
    assert math.isfinite(found.energy)
    assert all(math.isfinite(energy) for energy in found.history)
    assert plan(name, LinearModel()).dropped == 0


@pytest.mark.parametrize("name", list(PLANNERS))
def test_no_energy_at_all_is_a_typed_error(name: str) -> None:
    class Broken(LinearModel):
        def rollout(self, *arguments: Tensor) -> Tensor:
            return super().rollout(*arguments) * float("nan")

    with pytest.raises(ImaginationError, match="every candidate"):
        plan(name, Broken())


def test_gradient_really_steps() -> None:
    """From the one start at zero, without samples, only the gradient can find the goal."""
    found = plan("gradient", LinearModel(), "restarts=1", "steps=30")
    assert torch.allclose(found.actions[0, :3], GOAL[0, :3], atol=0.004)
    assert found.actions[0, 6].item() == pytest.approx(0.5, abs=0.06)
    assert found.gradients == 30
    assert found.history[-1] < 0.1 * found.history[0]


def test_gradient_refines_what_cem_found() -> None:
    coarse = plan("cem-gradient", LinearModel(), "steps=1", "learning_rate=1e-6")
    fine = plan("cem-gradient", LinearModel(), "steps=12")
    assert fine.energy < 0.7 * coarse.energy


def test_a_model_without_gradients_is_told_apart() -> None:
    class Cut(LinearModel):
        def rollout(self, *arguments: Tensor) -> Tensor:
            return super().rollout(*arguments).detach()

    with pytest.raises(BadValueError, match=r"Cut gives no gradient.*such as cem"):
        plan("gradient", Cut())


def test_searches_start_from_the_last_plan() -> None:
    starting = {name for name in PLANNERS if load_planner(name).describe()["warm_start"]}
    assert starting == set(STARTING)


SMALL = {
    "cem-fit": ["samples=8", "iterations=1", "elites=4", "first_samples=8", "rounds=1"],
    "gradient": [],
    "mppi": ["samples=8", "iterations=1", "temperature=0.001"],
    "random-shooting": ["samples=8", "warm_start=true"],
}


@pytest.mark.parametrize("name", [*STARTING, "random-shooting"])
def test_the_guess_competes(name: str) -> None:
    guess = torch.tensor([[0.05, -0.03, 0.02, 0, 0, 0, 0.5]])
    small = SMALL.get(name, ["samples=8", "iterations=1", "elites=4"])
    found = plan(name, LinearModel(), *small, "horizon=1", guess=guess)
    assert found.energy == pytest.approx(0.0, abs=1e-3)
    longer = plan(name, LinearModel(), *small, "horizon=2", guess=guess)
    assert longer.actions.shape == (2, 7)


def test_chunks_change_nothing_and_bound_the_batch() -> None:
    class Watcher(LinearModel):
        largest = 0

        def rollout(self, *arguments: Tensor) -> Tensor:
            self.largest = max(self.largest, len(arguments[-1]))
            return super().rollout(*arguments)

    model = Watcher()
    small = plan("cem", model, f"budget.memory_mb={10 * 16 / 2**20}")
    assert model.largest == 10
    assert torch.equal(small.actions, plan("cem", LinearModel()).actions)


def test_objectives() -> None:
    imagined = torch.tensor([3.0, 4.0]).expand(1, 2, 1, 2).clone()
    imagined[:, 0] = 1.0
    goal, still = torch.zeros(1, 2), torch.zeros(1, 2, 7)
    assert Objective().of(imagined, goal, still).item() == pytest.approx(3.5)
    assert Objective(steps="all").of(imagined, goal, still).item() == pytest.approx(4.5)
    assert Objective(distance="l2").of(imagined, goal, still).item() == pytest.approx(12.5**0.5)
    moved = torch.zeros(1, 2, 7)
    moved[0, :, :2] = torch.tensor([0.3, 0.4])
    assert Objective(action_cost=2.0).of(imagined, goal, moved).item() == pytest.approx(3.5 + 2)
    for wrong in ({"steps": "first"}, {"distance": "l3"}, {"action_cost": -1.0}):
        with pytest.raises(BadValueError, match=next(iter(wrong)).split("_")[-1]):
            Objective(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["cem", "gradient"])
def test_an_action_cost_shortens_the_way(name: str) -> None:
    free = plan(name, LinearModel()).actions[0, :3].norm()
    dear = plan(name, LinearModel(), "objective.action_cost=5.0").actions[0, :3].norm()
    assert dear < 0.3 * free

"""What planners refuse, in one clear line: models and goals that do not fit, illegal settings."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from armchair.errors import BadValueError
from armchair.planners import Context, Plan, load_planner, with_options
from tests.planners.linear_model import LinearModel, context

GOAL = torch.tensor([[0.05, -0.03, 0.02, 0.5]])


def plan(model: LinearModel, guess: Tensor | None = None) -> Plan:
    return load_planner("cem").plan(model, context(), GOAL, torch.Generator(), guess)


def test_bad_problems_are_named() -> None:
    class FiveNumbers(LinearModel):
        action_dim = 5

    class Short(LinearModel):
        def rollout(self, *arguments: Tensor) -> Tensor:
            return super().rollout(*arguments)[:, :, :, :3]

    with pytest.raises(BadValueError, match="actions of 5 numbers, expected 7"):
        plan(FiveNumbers())
    with pytest.raises(BadValueError, match=r"latents of shape \(128, 1, 1, 3\)"):
        plan(Short())
    with pytest.raises(BadValueError, match=r"warm start is of shape \(1, 5\)"):
        plan(LinearModel(), torch.zeros(1, 5))
    lived = Context(
        latents=torch.zeros(1, 2, 4), states=torch.zeros(1, 7), past_actions=torch.zeros(0, 7)
    )
    with pytest.raises(BadValueError, match="goal latents are of shape"):
        load_planner("cem").plan(LinearModel(), lived, GOAL, torch.Generator())
    for goal in (GOAL.numpy(), GOAL.tolist(), None):
        with pytest.raises(BadValueError, match=r"type (ndarray|list|NoneType), expected"):
            load_planner("cem").plan(LinearModel(), context(), goal, torch.Generator())  # type: ignore[arg-type]


class FivePerStep(torch.nn.Module):
    """Takes actions of five numbers, and says so by failing alone."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(5, 4)

    def encode(self, frames: Tensor) -> Tensor:
        raise AssertionError("nothing is encoded here")

    def rollout(
        self, latents: Tensor, states: Tensor, past_actions: Tensor, candidates: Tensor
    ) -> Tensor:
        moved: Tensor = latents[-1] + self.linear(candidates).cumsum(dim=1)[:, :, None]
        return moved

    def rollout_batch(self, *arguments: Tensor) -> Tensor:
        return torch.stack([self.rollout(*each) for each in zip(*arguments, strict=True)])


@pytest.mark.parametrize("name", ["cem", "cem-waypoint", "gradient"])
def test_a_model_of_other_actions_is_one_clear_line(name: str) -> None:
    said = r"FivePerStep.rollout cannot imagine one action of 7 numbers: x .*cannot be multiplied"
    with pytest.raises(BadValueError, match=said):
        load_planner(name).plan(FivePerStep(), context(), GOAL, torch.Generator())
    with pytest.raises(BadValueError, match=said):
        load_planner(name).plan_batch(  # type: ignore[attr-defined]
            FivePerStep(), [context()] * 2, [GOAL] * 2, [torch.Generator()] * 2
        )


def test_a_model_that_fails_otherwise_keeps_its_own_error() -> None:
    class Full(LinearModel):
        def rollout(self, *arguments: Tensor) -> Tensor:
            if len(arguments[-1]) > 1:
                raise RuntimeError("no room for so many")
            return super().rollout(*arguments)

    with pytest.raises(RuntimeError, match="no room"):
        plan(Full())


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("bounds.shape=ball", "ball.*box, l1-ball, l2-ball"),
        ("budget.seconds=-1", "zero"),
        ("budget.memory_mb=0", "memory_mb"),
        ("objective.steps=first", "last, all"),
        ("horizon=0", "horizon is 0"),
    ],
)
def test_bad_settings_are_named(option: str, message: str) -> None:
    with pytest.raises(BadValueError, match=message):
        with_options(load_planner("icem"), [option])


def test_ways_of_different_lengths_are_compared_by_their_last_steps() -> None:
    with pytest.raises(BadValueError, match=r"objective\.steps is 'all', .*Take cem\."):
        with_options(load_planner("cem-waypoint"), ["objective.steps=all"])


@pytest.mark.parametrize("gripper", ["0", "0.04"])  # 0.04 is below the deadband
def test_bounds_that_exclude_everything_are_refused(gripper: str) -> None:
    with pytest.raises(BadValueError, match="exclude every action"):
        with_options(load_planner("cem"), ["bounds.translation=0", f"bounds.gripper={gripper}"])
    turning = ["bounds.translation=0", "bounds.rotation=0.1", "bounds.gripper=0.04"]
    with_options(load_planner("cem"), turning)


@pytest.mark.parametrize(
    "setting",
    [
        "bounds.translation",
        "bounds.rotation",
        "bounds.gripper",
        "bounds.grip_within",
        "bounds.release_within",
        "gripper_deadband",
        "opening_deadband",
        "closing_gain",
        "shrink",
        "spread.gripper",
        "budget.seconds",
        "budget.memory_mb",
        "objective.action_cost",
    ],
)
def test_a_setting_that_is_no_number_is_refused(setting: str) -> None:
    with pytest.raises(BadValueError, match=r"is nan|nan seconds"):
        with_options(load_planner("icem"), [f"{setting}=nan"])

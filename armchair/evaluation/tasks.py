"""The task table of benchmark v1: environment, number of steps, and how success is read.

Success is read from the simulator by the evaluator; no agent sees any of this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import gymnasium

from armchair.envs.grasp import FrankaGraspEnv
from armchair.envs.object_task import ObjectTask
from armchair.envs.pick_place import FrankaPickPlaceEnv
from armchair.envs.reach import FrankaReachEnv
from armchair.envs.reach_with_object import FrankaReachWithObjectEnv
from armchair.errors import BadValueError
from armchair.evaluation.policies import ExpertPolicy, Policy, SimulatorExpert
from armchair.evaluation.simulators import Simulator
from armchair.evaluation.verdicts import (
    Verdict,
    flange_distance,
    judge_grasp,
    judge_pick_place,
    judge_reach,
    judge_reach_with_object,
    object_distance,
)
from armchair.planners import ActionBounds
from armchair.registry import Registry


def straight_expert(simulator: Simulator, bounds: ActionBounds) -> Policy:
    """Return the constrained expert of reach: straight to the goal state, within bounds."""
    return ExpertPolicy(simulator.goal_state(), bounds)


def scripted_expert(simulator: Any, bounds: ActionBounds) -> Policy:
    """Return the constrained expert of a task with an object, which the simulator itself guides."""
    return SimulatorExpert(simulator.constrained_expert(), bounds)


Judge = Callable[[Any], Verdict]


@dataclass(frozen=True, kw_only=True)
class Task:
    """One row of the benchmark; goal i + 1 begins at step `switch_steps[i]`.

    distance (metres), judge and expert are given the unwrapped environment: `Simulator`, or one of
    the protocols for objects; the expert its bounds, too.
    """

    env_id: str
    steps: int
    distance: Callable[[Any], float]
    judge: Judge
    expert: Callable[[Any, ActionBounds], Policy] = straight_expert
    env_options: Mapping[str, Any] = field(default_factory=dict)
    switch_steps: tuple[int, ...] = ()

    def make_env(self) -> gymnasium.Env[Any, Any]:
        """Return a new environment of this task."""
        return gymnasium.make(self.env_id, disable_env_checker=True, **self.env_options)


TASKS: Registry[Task] = Registry("task")
TASK_NAMES = (
    "reach",
    "grasp-cup",
    "grasp-box",
    "reach-with-cup",
    "reach-with-box",
    "pick-place-cup",
    "pick-place-box",
)
"""All seven, in the order of the paper's table 2."""

TASKS.add("reach")(
    Task(
        env_id="armchair/FrankaReach-v0",
        steps=FrankaReachEnv.steps,
        distance=flange_distance,
        judge=judge_reach,
    )
)
_WITH_OBJECT: dict[str, tuple[str, type[ObjectTask], Callable[[Any], float], Judge]] = {
    "grasp": ("FrankaGrasp-v0", FrankaGraspEnv, flange_distance, judge_grasp),
    "reach-with": (
        "FrankaReachWithObject-v0",
        FrankaReachWithObjectEnv,
        object_distance,
        judge_reach_with_object,
    ),
    "pick-place": ("FrankaPickPlace-v0", FrankaPickPlaceEnv, object_distance, judge_pick_place),
}
for _name, (_id, _env, _distance, _judge) in _WITH_OBJECT.items():
    for _object in ("cup", "box"):
        TASKS.add(f"{_name}-{_object}")(
            Task(
                env_id=f"armchair/{_id}",
                steps=_env.steps,
                distance=_distance,
                judge=_judge,
                expert=scripted_expert,
                env_options={"object": _object},
                switch_steps=_env.switch_steps,
            )
        )


def select_tasks(names: Sequence[str]) -> tuple[str, ...]:
    """Return task names for `all` or a list.

    Raises `UnknownNameError` for what is no task, `BadValueError` for an empty list.
    """
    wanted = [part for name in names for part in name.split(",") if part]
    if wanted == ["all"]:
        return TASK_NAMES
    check_tasks(wanted)
    if not wanted:
        raise BadValueError(f"no task in {list(names)}; name one, such as reach, or all.")
    return tuple(dict.fromkeys(wanted))


def check_tasks(names: Sequence[str]) -> None:
    """Raise `UnknownNameError` for the first name that is no task."""
    for name in names:
        TASKS[name]

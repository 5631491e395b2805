"""The task table of benchmark v1: environment, number of steps, and how success is read.

Success is read from the simulator by the evaluator; no agent sees any of this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import gymnasium

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


def straight_expert(simulator: Simulator) -> Policy:
    """Return the constrained expert of reach: straight to the goal state, within bounds."""
    return ExpertPolicy(simulator.goal_state(), ActionBounds())


def scripted_expert(simulator: Any) -> Policy:
    """Return the constrained expert of a task with an object, which the simulator itself guides."""
    return SimulatorExpert(simulator.constrained_expert(), ActionBounds())


@dataclass(frozen=True, kw_only=True)
class Task:
    """One row of the benchmark; goal i + 1 begins at step `switch_steps[i]`.

    distance (metres), judge and expert are given the unwrapped environment: `Simulator`, or one of
    the protocols for objects.
    """

    env_id: str
    steps: int
    distance: Callable[[Any], float]
    judge: Callable[[Any], Verdict]
    expert: Callable[[Any], Policy] = straight_expert
    env_options: Mapping[str, Any] = field(default_factory=dict)
    switch_steps: tuple[int, ...] = ()

    def make_env(self) -> gymnasium.Env[Any, Any]:
        """Return a new environment of this task."""
        import armchair.envs  # noqa: F401  # registers the ids in a checkout that is not installed

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
    Task(env_id="armchair/FrankaReach-v0", steps=10, distance=flange_distance, judge=judge_reach)
)
for _object in ("cup", "box"):
    TASKS.add(f"grasp-{_object}")(
        Task(
            env_id="armchair/FrankaGrasp-v0",
            steps=8,
            distance=flange_distance,
            judge=judge_grasp,
            expert=scripted_expert,
            env_options={"object": _object},
        )
    )
    TASKS.add(f"reach-with-{_object}")(
        Task(
            env_id="armchair/FrankaReachWithObject-v0",
            steps=10,
            distance=object_distance,
            judge=judge_reach_with_object,
            expert=scripted_expert,
            env_options={"object": _object},
        )
    )
    TASKS.add(f"pick-place-{_object}")(
        Task(
            env_id="armchair/FrankaPickPlace-v0",
            steps=18,
            distance=object_distance,
            judge=judge_pick_place,
            expert=scripted_expert,
            env_options={"object": _object},
            switch_steps=(4, 14),
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

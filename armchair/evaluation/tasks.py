"""The task table of benchmark v1: environment, number of steps, and how success is read.

Success is read from the simulator by the evaluator; no agent sees any of this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import gymnasium
import numpy as np
from numpy.typing import NDArray

from armchair.registry import Registry

SUCCESS_M = 0.05
"""Flange to goal at the end, benchmark v1."""
PAPER_SUCCESS_M = 0.04
"""The paper's figure for reach, reported beside it."""
SETTLE_SECONDS = 1.0
"""Success is read this long after the last step, with the gripper command held."""

Vector = NDArray[np.float64]


class Simulator(Protocol):
    """What the evaluator may ask of an unwrapped environment; no agent ever holds one."""

    def goal_state(self) -> Vector:
        """Return the goal state (7,), metres and radians."""
        ...

    def flange_state(self) -> Vector:
        """Return the present state (7,), metres and radians."""
        ...

    def hold(self, seconds: float) -> None:
        """Let time pass with the last command held."""
        ...

    def expert_move(self) -> float:
        """Drive to the goal as the unconstrained expert; return the error in metres."""
        ...


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How an episode ended; distances in metres."""

    success: bool
    success_4cm: bool
    final_distance_m: float


@dataclass(frozen=True, kw_only=True)
class Task:
    """One row of the benchmark; goal i + 1 begins at step `switch_steps[i]`."""

    env_id: str
    steps: int
    distance: Callable[[Simulator], float]
    judge: Callable[[Simulator], Verdict]
    env_options: Mapping[str, Any] = field(default_factory=dict)
    switch_steps: tuple[int, ...] = ()

    def make_env(self) -> gymnasium.Env[Any, Any]:
        """Return a new environment of this task."""
        import armchair.envs  # noqa: F401  # registers the ids in a checkout that is not installed

        return gymnasium.make(self.env_id, disable_env_checker=True, **self.env_options)


TASKS: Registry[Task] = Registry("task")


def flange_distance(simulator: Simulator) -> float:
    """Return the distance of the flange to its goal position, metres."""
    gap = np.asarray(simulator.flange_state())[:3] - np.asarray(simulator.goal_state())[:3]
    return float(np.linalg.norm(gap))


def judge_reach(simulator: Simulator) -> Verdict:
    """Return whether the flange is within 5 cm (and 4 cm) of the goal after the settling time."""
    simulator.hold(SETTLE_SECONDS)
    distance = flange_distance(simulator)
    return Verdict(
        success=distance <= SUCCESS_M,
        success_4cm=distance <= PAPER_SUCCESS_M,
        final_distance_m=distance,
    )


TASKS.add("reach")(
    Task(env_id="armchair/FrankaReach-v0", steps=10, distance=flange_distance, judge=judge_reach)
)


def check_tasks(names: Sequence[str]) -> None:
    """Raise `UnknownNameError` for the first name that is no task."""
    for name in names:
        TASKS[name]

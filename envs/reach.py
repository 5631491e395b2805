"""`armchair/FrankaReach-v0`: bring the flange to where it is in a goal picture."""

from __future__ import annotations

from typing import ClassVar

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from armchair.envs.places import (
    ARRIVED_M,
    GOAL_DISTANCE_M,
    GOAL_HIGH_M,
    GOAL_LOW_M,
    NOMINAL_START_M,
    START_RANGE_M,
    sample_goal,
    sample_start,
)
from armchair.envs.robot import Robot
from armchair.envs.task import ArmTask, Goal
from armchair.errors import BadValueError

__all__ = [
    "FrankaReachEnv",
    "STEPS",
    "GOAL_DISTANCE_M",
    "GOAL_HIGH_M",
    "GOAL_LOW_M",
    "NOMINAL_START_M",
    "START_RANGE_M",
]

Array = NDArray[np.float64]

STEPS = 10
MOST_ARRIVED_M = 0.02
_sample_goal = sample_goal


class FrankaReachEnv(ArmTask[Robot]):
    """Reach: the goal is a picture, taken where the arm really stood 10–25 cm from its start.

    ## Action space: `Box(7,)`, float64, a change of state that `step` carries out and waits for

    | index | meaning | bounds |
    |---|---|---|
    | 0–2 | change of flange position, base frame | ±0.075 m |
    | 3–5 | change of rotation, extrinsic xyz, base frame | ±0.5 rad |
    | 6 | change of gripper closedness, + closes | ±1 |

    ## Observation space: `Dict`

    | key | meaning | shape, dtype |
    |---|---|---|
    | `frame` | left exterior camera, now | (256, 256, 3) uint8 |
    | `state` | x y z (m), roll pitch yaw (rad), gripper 0 open … 1 closed | (7,) float64 |
    | `goal_frame` | the same camera when the arm stood at the goal | (256, 256, 3) uint8 |

    ## Reward, end, seeds

    The reward is minus the distance of the flange to its goal in metres; agents of the benchmark
    never see it. `terminated` is always False; `truncated` after 10 steps. The goal state is only
    at `env.unwrapped.goal_state()`, for the evaluator. `reset(options=...)` takes `level` and, for
    benchmark episodes, `role`, `seed` and `episode`, which then decide everything.

    `arrived_m`: how near to start and goal the arm must come to rest, metres; the benchmark's is
    1 mm, and a real arm may need more (2 cm at most). Else the reset is rejected.

    Source: V-JEPA 2 (Assran et al., 2025), section 4.2; benchmark v1 of this project.
    """

    steps: ClassVar[int] = STEPS

    def __init__(
        self,
        render_mode: str | None = None,
        level: str = "light",
        robot: Robot | None = None,
        arrived_m: float = ARRIVED_M,
    ) -> None:
        gym.utils.EzPickle.__init__(self, render_mode, level, robot, arrived_m)
        super().__init__(render_mode, level, robot)
        if not 0 < arrived_m <= MOST_ARRIVED_M:
            raise BadValueError(
                f"arrived_m is {arrived_m}, expected metres above 0, {MOST_ARRIVED_M} at most."
            )
        self.arrived_m = arrived_m

    def expert_move(self) -> float:
        """Drive straight to the goal, as the free expert does; returns the error in metres."""
        return self.robot.drive_to(self.goal_state()[:3])

    def _make_robot(self) -> Robot:
        from armchair.sim.robot import SimRobot

        return SimRobot()

    def _try_scene(self, level: str, rng: np.random.Generator) -> Goal | None:
        self._new_scene(level, rng)
        start = sample_start(rng, margin=self.arrived_m)
        place = sample_goal(start, rng, margin=self.arrived_m)
        if not self._arrives(place, self.arrived_m):
            return None
        goal = Goal(frames=(self.robot.frame(),), states=(self.robot.state(),))
        return goal if self._arrives(start, self.arrived_m) else None

    def _distance(self) -> float:
        return float(np.linalg.norm(self.robot.state()[:3] - self.goal_state()[:3]))

"""`armchair/FrankaGrasp-v0`: take hold of the object, as a goal picture shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from armchair.envs.object_task import ObjectTask
from armchair.envs.places import ARRIVED_M, sample_start
from armchair.envs.task import Goal

Array = NDArray[np.float64]

TEST_LIFT_M, TEST_LIFT_S, TEST_RISE_M = 0.05, 1.0, 0.04
"""A goal counts if the expert's own grasp, once photographed, passes the benchmark's rule."""


class FrankaGraspEnv(ObjectTask):
    """Grasp: the goal is a picture of the closed hand about the object, which still stands.

    ## Arguments

    `object`: "box" (fits between the fingers) or "cup" (held by its rim, one finger inside).
    `gripper`: "robotiq" (2F-85, the benchmark's) or "panda" (Franka's own hand).

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
    | `goal_frame` | the same camera when the expert had closed its hand | (256, 256, 3) uint8 |

    ## Reward, end, seeds

    The reward is minus the distance of the flange to the expert's grasp in metres; agents of the
    benchmark never see it. `terminated` is always False; `truncated` after 8 steps. The goal is
    only at `env.unwrapped`, for the evaluator, who lifts the hand and looks whether the object
    comes along. `reset(options=...)` takes `level` and, for benchmark episodes, `role`, `seed` and
    `episode`, which then decide everything.

    Source: V-JEPA 2 (Assran et al., 2025), section 4.2; benchmark v1 of this project.
    """

    steps: ClassVar[int] = 8

    def expert_move(self) -> float:
        """Take hold of the object, as the free expert does; returns the distance left in metres."""
        self.robot.expert_grasp()
        return self._flange_distance()

    def constrained_expert(self) -> Callable[[], Array]:
        """Return what gives the expert's next action (7,) within the planners' bounds."""
        return self.robot.constrained_expert("grasp")

    def _try_scene(self, level: str, rng: np.random.Generator) -> Goal | None:
        self._new_scene(level, rng)
        if not self._arrives(sample_start(rng), ARRIVED_M):
            return None
        start = self.robot.snapshot()
        if not self.robot.expert_grasp():
            return None
        goal = self._goal_here()
        before = self.robot.object_pose()[2]
        self.robot.lift(TEST_LIFT_M, TEST_LIFT_S)
        rise = self.robot.object_pose()[2] - before
        firm = self.robot.held() and rise >= TEST_RISE_M
        self.robot.restore(start)
        return goal if firm else None

    def _distance(self) -> float:
        return self._flange_distance()

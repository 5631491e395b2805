"""`armchair/FrankaReachWithObject-v0`: bring the object in hand to its place in a picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from armchair.envs.object_task import LOADED_ARRIVED_M, ObjectTask
from armchair.envs.places import (
    GOAL_DISTANCE_M,
    sample_goal,
    sample_start,
)
from armchair.envs.task import Goal

Array = NDArray[np.float64]


class FrankaReachWithObjectEnv(ObjectTask):
    """Reach with object: it is in hand from the start; the goal picture shows it 10–25 cm away.

    ## Arguments

    `object`: "box" (held between the fingers) or "cup" (held by its rim, one finger inside).
    `gripper`: "robotiq" (2F-85, the benchmark's) or "panda" (Franka's own hand).

    ## Action space: `Box(7,)`, float64, a change of state that `step` carries out and waits for

    | index | meaning | bounds |
    |---|---|---|
    | 0–2 | change of flange position, base frame | ±0.075 m |
    | 3–5 | change of rotation, extrinsic xyz, base frame | ±0.5 rad |
    | 6 | change of gripper closedness, + closes; below 0.05 the command stays | ±1 |

    ## Observation space: `Dict`

    | key | meaning | shape, dtype |
    |---|---|---|
    | `frame` | left exterior camera, now | (256, 256, 3) uint8 |
    | `state` | x y z (m), roll pitch yaw (rad), gripper 0 open … 1 closed | (7,) float64 |
    | `goal_frame` | the same camera when the expert held it at the goal | (256, 256, 3) uint8 |

    ## Reward, end, seeds

    The reward is minus the distance of the object to its goal in metres; agents of the benchmark
    never see it. `terminated` is always False; `truncated` after 10 steps. The goal is only at
    `env.unwrapped`, for the evaluator: still held, within 5 cm. `reset(options=...)` takes `level`
    and, for benchmark episodes, `role`, `seed` and `episode`, which then decide everything.

    Source: V-JEPA 2 (Assran et al., 2025), section 4.2; benchmark v1 of this project.
    """

    steps: ClassVar[int] = 10

    def expert_move(self) -> float:
        """Carry the object to its goal, as the free expert does; returns the metres left."""
        self.robot.expert_carry(self.goal_state()[:3])
        return self._object_distance()

    def constrained_expert(self) -> Callable[[], Array]:
        """Return what gives the expert's next action (7,) within the planners' bounds."""
        return self.robot.constrained_expert("reach-with", position=self.goal_state()[:3])

    def _try_scene(self, level: str, rng: np.random.Generator) -> Goal | None:
        self._new_scene(level, rng)
        start = sample_start(rng, margin=LOADED_ARRIVED_M)
        place = sample_goal(start, rng)
        if not (self.robot.expert_grasp() and self._carried_to(start)):
            return None
        in_hand, object_start = self.robot.snapshot(), self.robot.object_pose()
        if not self._carried_to(place):
            return None
        goal = self._goal_here()
        away = np.linalg.norm(self.robot.object_pose()[:3] - object_start[:3])
        self.robot.restore(in_hand)
        return goal if GOAL_DISTANCE_M[0] <= away <= GOAL_DISTANCE_M[1] else None

    def _carried_to(self, position: Array) -> bool:
        """Carry the object to a flange position (3,) and rest; is it there, and still held?"""
        self.robot.expert_carry(position)
        self._rest_and_look()
        self._missed_m = float(np.linalg.norm(self.robot.state()[:3] - position))
        return self.robot.held() and self._missed_m <= LOADED_ARRIVED_M

    def _distance(self) -> float:
        return self._object_distance()

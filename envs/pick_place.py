"""`armchair/FrankaPickPlace-v0`: take the object, carry it, put it down, after three pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from armchair.envs.object_task import LOADED_ARRIVED_M, ObjectTask
from armchair.envs.places import ARRIVED_M, sample_spot, sample_start
from armchair.envs.spaces import STEP_M
from armchair.envs.task import Goal

Array = NDArray[np.float64]

SWITCH_STEPS = (4, 14)
"""Benchmark v1, after the paper: 4 steps to the first picture, 10 to the second, 4 to the last."""
ABOVE_M = 0.05
"""Second picture: the object hangs this high above its spot, more than the 3 cm of the rule."""
CARRIED_M = 0.03
"""Benchmark v1: the object was this far off the table between both pads on the way."""
UPRIGHT_RAD, PLACED_M, AWAY_M = np.deg2rad(20.0), 0.02, 0.02
"""A goal counts if the object stands upright, 2 cm from its spot at most, pads 2 cm away."""
NEAR_START_M = np.array([2 * STEP_M, 2 * STEP_M, 3 * STEP_M]) - 0.01
"""From the start to the grasp, per axis: two steps across, one down and one to close the hand are
the four steps that the first picture has. The start is drawn until that holds."""


class FrankaPickPlaceEnv(ObjectTask):
    """Pick and place: object in hand; object above its new spot; object released there.

    ## Arguments

    `object`: "box" (fits between the fingers) or "cup" (held by its rim, one finger inside).
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
    | `goal_frame` | the (sub-)goal in force, as the expert reached it | (256, 256, 3) uint8 |

    The picture changes after 4 and 14 steps; all three are at `env.unwrapped.goal_frames()`.

    ## Reward, end, seeds

    The reward is minus the distance of the object to its new place in metres; agents of the
    benchmark never see it. `terminated` is always False; `truncated` after 18 steps. The goal is
    only at `env.unwrapped`, for the evaluator. `reset(options=...)` takes `level` and, for
    benchmark episodes, `role`, `seed` and `episode`, which then decide everything.

    Source: V-JEPA 2 (Assran et al., 2025), section 4.2; benchmark v1 of this project.
    """

    steps: ClassVar[int] = 18
    switch_steps: ClassVar[tuple[int, ...]] = SWITCH_STEPS

    _grasped = _carried = False

    def was_grasped(self) -> bool:
        """Return whether the object was between both pads at some time of the episode."""
        return self._grasped

    def was_carried(self) -> bool:
        """Return whether it was at least 3 cm off the table between both pads, at some row."""
        return self._carried

    def expert_move(self) -> float:
        """Pick and place, as the free expert does; returns the distance left in metres."""
        spot, robot = self.goal_object_pose()[:2], self.robot
        robot.expert_grasp(self._watch)
        robot.expert_carry(self._above(spot), self._watch)
        robot.expert_place(spot, self._watch)
        return self._object_distance()

    def constrained_expert(self) -> Callable[[], Array]:
        """Return what gives the expert's next action (7,) within the planners' bounds."""
        return self.robot.constrained_expert("pick-place", spot=self.goal_object_pose()[:2])

    def _try_scene(self, level: str, rng: np.random.Generator) -> Goal | None:
        self._new_scene(level, rng)
        goal = self._start_and_goal(self._draw_start(rng), self._draw_spot(rng))
        self._grasped = self._carried = False
        return goal

    def _draw_start(self, rng: np.random.Generator) -> Array:
        """Return a start of the flange (3,) from which four steps suffice to take the object."""
        grasp = self.robot.grasp_position()
        while True:
            start = sample_start(rng)
            if (np.abs(start - grasp) <= NEAR_START_M).all():
                return start

    def _draw_spot(self, rng: np.random.Generator) -> Array:
        """Return where the object shall stand (2,), at least 12 cm from where it stands."""
        return sample_spot(self.robot.object_pose()[:2], rng)

    def _start_and_goal(self, start: Array, spot: Array) -> Goal | None:
        """Let the expert do the task, take the pictures and bring everything back to the start."""
        robot = self.robot
        if not self._arrives(start, ARRIVED_M):
            return None
        at_start = robot.snapshot()
        if not robot.expert_grasp():
            return None
        in_hand = self._rest_and_look()
        above = self._above(spot)
        robot.expert_carry(above)
        carried = self._rest_and_look()
        there = np.linalg.norm(carried[1][:3] - above[:3]) <= LOADED_ARRIVED_M
        if not (there and robot.held() and robot.object_height() >= CARRIED_M):
            return None
        robot.expert_place(spot)
        placed = self._rest_and_look()
        if not self._stands_at(spot):
            return None
        moments = (in_hand, carried, placed)
        goal = Goal(
            frames=tuple(frame for frame, _ in moments),
            states=tuple(state for _, state in moments),
            object_pose=robot.object_pose(),
        )
        robot.restore(at_start)
        return goal

    def _above(self, spot: Array) -> Array:
        """Return the flange position (3,) that brings the object in hand above `spot` (2,)."""
        flange, held = self.robot.state()[:3], self.robot.object_pose()
        shift = [*(spot - held[:2]), ABOVE_M - self.robot.object_height()]
        return np.asarray(flange + shift)

    def _stands_at(self, spot: Array) -> bool:
        robot = self.robot
        error = np.linalg.norm(robot.object_pose()[:2] - spot)
        upright = robot.object_tilt() <= UPRIGHT_RAD
        return bool(upright and error <= PLACED_M and robot.pad_clearance() >= AWAY_M)

    def _move(self, action: Array) -> None:
        self.robot.move(action, self._watch)

    def _watch(self) -> None:
        """Remember, row by row, what the rule asks about the way."""
        held = self.robot.held()
        self._grasped |= held
        self._carried |= held and self.robot.object_height() >= CARRIED_M

    def _distance(self) -> float:
        return self._object_distance()

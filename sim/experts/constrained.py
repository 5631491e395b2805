"""The constrained expert: the planners' own actions, so ±7.5 cm an axis and no rotation.

It looks at the simulator before each action and gives the next one; the tasks' budgets are 8 steps
to grasp, 10 to reach with an object, 18 to pick and place.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from armchair.errors import ArmchairError, UnknownNameError
from armchair.sim.arm import SimArm
from armchair.sim.contacts import held, pad_clearance
from armchair.sim.experts import waypoints
from armchair.sim.objects import object_kind

Array = NDArray[np.float64]

STEP_M, STEP_GRIPPER = 0.075, 0.75
"""Bounds of the planners' search."""
TASKS = ("grasp", "reach-with", "pick-place")
ALIGNED_M = 0.01
"""Nearer than this in the plane, the fingers may go down around the object."""
DEEP_M = 0.008
"""Nearer than this to the grasp's height, the hand may close."""
READY_CUP = 0.3
"""Around a thin rim the hand closes so far while it goes down; the rest is one action."""
LOW_M = 0.006
"""Nearer than this to the table, the object is let go."""
AWAY_M = 0.022


class ConstrainedExpert:
    """Gives actions (7,) for one episode of a task.

    `spot` (2,): where pick-and-place puts the object; `position` (3,): where the flange brings it
    in reach-with-object. Raises `ArmchairError` when the task lacks its goal.
    """

    def __init__(
        self, task: str, arm: SimArm, *, spot: Array | None = None, position: Array | None = None
    ) -> None:
        if task not in TASKS:
            raise UnknownNameError("expert task", task, TASKS)
        if (task == "pick-place") != (spot is not None) or (task == "reach-with") != (
            position is not None
        ):
            raise ArmchairError(
                f"expert of {task!r} got spot {spot} and position {position}; give a spot for "
                "pick-place, a position for reach-with, neither for grasp."
            )
        self.arm, self.task = arm, task
        self._goal = position if spot is None else spot
        self._over_spot = self._let_go = False

    def act(self) -> Array:
        """Return the next action (7,): metres, radians, closedness."""
        if self.task == "grasp":
            return self._take() if not self._holds() else _action(grip=STEP_GRIPPER)
        assert self._goal is not None
        if self.task == "reach-with":
            return _action(self._goal - self.arm.flange_position)
        if self._let_go:
            return self._leave()
        return self._bring(self._goal) if self._holds() else self._take()

    def _holds(self) -> bool:
        return held(self.arm.model, self.arm.data)

    def _take(self) -> Array:
        """Over the object, down, close; open first after a miss."""
        arm, place = self.arm, waypoints.grasp_pose(self.arm)
        way, closed = place - arm.flange_position, float(arm.state()[6])
        ready = READY_CUP if object_kind(arm.model).rim_radius_m else 0.0
        aligned = bool(np.abs(way[:2]).max() < ALIGNED_M)
        if not aligned:
            way[2] = max(float(way[2]), waypoints.hover_height(arm) - arm.flange_position[2])
            return _action(way, -STEP_GRIPPER if closed > 0.1 else 0.0)
        if way[2] < -DEEP_M:
            return _action(way, ready - closed)
        return _action(grip=STEP_GRIPPER)

    def _bring(self, spot: Array) -> Array:
        """Up, over the spot, down, let go."""
        drop, way = waypoints.drop(self.arm), waypoints.way_to_spot(self.arm, spot)
        self._over_spot = self._over_spot or bool(np.abs(way).max() < ALIGNED_M)
        if self._over_spot and drop > LOW_M:
            return _action([*way, -drop])
        if self._over_spot:
            self._let_go = True
            return _action(grip=-STEP_GRIPPER)
        rise = waypoints.CARRY_M + ALIGNED_M - drop
        if drop < waypoints.CARRY_M / 2:
            return _action([0.0, 0.0, rise])
        return _action([*way, rise])

    def _leave(self) -> Array:
        """Straight up until the pads are clear, then still."""
        arm = self.arm
        rise = waypoints.leave_height(arm) - arm.flange_position[2]
        if pad_clearance(arm.model, arm.data) > AWAY_M and rise < ALIGNED_M:
            return _action()
        opening = -STEP_GRIPPER if arm.state()[6] > 0.1 else 0.0
        return _action([0.0, 0.0, max(rise, 0.0)], opening)


def _action(way: Array | list[float] | None = None, grip: float = 0.0) -> Array:
    """Return the action (7,) that goes as far of a way (3,) as the planners' bounds allow."""
    action = np.zeros(7)
    if way is not None:
        action[:3] = np.clip(way, -STEP_M, STEP_M)
    action[6] = np.clip(grip, -STEP_GRIPPER, STEP_GRIPPER)
    return action

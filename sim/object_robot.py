"""The simulated arm in tasks with an object; fits `armchair.envs.robot.ObjectRobot`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from armchair.sim import contacts
from armchair.sim.arm import ROW_S
from armchair.sim.experts.constrained import ConstrainedExpert
from armchair.sim.experts.free import free_carry, free_grasp, free_place
from armchair.sim.experts.waypoints import grasp_pose
from armchair.sim.robot import SimRobot
from armchair.sim.scene import SceneConfig

Array = NDArray[np.float64]
OnRow = Callable[[], None]


class SimObjectRobot(SimRobot):
    """A `SimRobot` that tells where its object is, and what its fingers do to it.

    Raises `UnknownNameError` for an object or gripper that is not registered.
    """

    def __init__(self, object: str = "box", gripper: str = "robotiq") -> None:
        super().__init__(SceneConfig(object=object, gripper=gripper))

    def object_pose(self) -> Array:
        """Return the object's position and quaternion w x y z (7,)."""
        return contacts.object_pose(self.model, self.data)

    def object_height(self) -> float:
        """Return the gap between the object's lowest point and the table top, metres."""
        return contacts.object_height(self.model, self.data)

    def object_speed(self) -> float:
        """Return the object's speed in m/s."""
        return contacts.object_speed(self.model, self.data)

    def object_tilt(self) -> float:
        """Return the angle between the object's axis and the vertical, radians."""
        return contacts.tilt(self.model, self.data)

    def held(self) -> bool:
        """Return whether both finger pads touch it (a cup: one inside and one outside)."""
        return contacts.held(self.model, self.data)

    def pad_clearance(self) -> float:
        """Return the smallest distance of the finger pads to the object, metres."""
        return contacts.pad_clearance(self.model, self.data)

    def lift(self, metres: float, seconds: float) -> None:
        """Raise the hand straight up at constant speed with the gripper command held."""
        rows, start = round(seconds / ROW_S), self.flange_position
        for row in range(1, rows + 1):
            self.command_position = start + np.array([0.0, 0.0, metres * row / rows])
            self.row()

    def grasp_position(self) -> Array:
        """Return the flange position (3,) at which closing the hand takes hold of the object."""
        return grasp_pose(self)

    def expert_grasp(self, on_row: OnRow | None = None) -> bool:
        """Take hold of the object where it stands; returns whether it is held."""
        return free_grasp(self, on_row)

    def expert_carry(self, position: Array, on_row: OnRow | None = None) -> bool:
        """Bring the flange to a position (3,) with the object in hand; is it still held?"""
        return free_carry(self, position, on_row)

    def expert_place(self, spot: Array, on_row: OnRow | None = None) -> bool:
        """Put the held object down at x y (2,), let go and withdraw; returns whether it let go."""
        return free_place(self, spot, on_row)

    def constrained_expert(self, task: str, **goal: Array) -> Callable[[], Array]:
        """Return what gives the expert's next action (7,) within the planners' bounds."""
        return ConstrainedExpert(task, self, **goal).act

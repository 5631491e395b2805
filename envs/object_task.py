"""What the tasks with an object share: its name, its goal pose, and how an expert is asked."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from armchair.envs.robot import ObjectRobot
from armchair.envs.task import COME_TO_REST_S, ArmTask, Goal
from armchair.errors import UnknownNameError

Array = NDArray[np.float64]

OBJECT_NAMES, GRIPPER_NAMES = ("box", "cup"), ("robotiq", "panda")
LOADED_ARRIVED_M = 0.01
"""The expert's places with the object in hand: its weight lets the arm sag by some millimetres."""


class ObjectTask(ArmTask[ObjectRobot]):
    """A task with one object on the table: `object` is "box" or "cup".

    Raises `UnknownNameError` for another object or gripper; a given robot brings its own.
    """

    def __init__(
        self,
        render_mode: str | None = None,
        level: str = "light",
        object: str = "box",
        gripper: str = "robotiq",
        robot: ObjectRobot | None = None,
    ) -> None:
        gym.utils.EzPickle.__init__(self, render_mode, level, object, gripper, robot)
        if object not in OBJECT_NAMES:
            raise UnknownNameError("object", str(object), OBJECT_NAMES)
        if gripper not in GRIPPER_NAMES:
            raise UnknownNameError("gripper", str(gripper), GRIPPER_NAMES)
        super().__init__(render_mode, level, robot)
        self.object, self.gripper = object, gripper

    def goal_object_pose(self) -> Array:
        """Return the object's pose (7,) in the goal state; for the evaluator only."""
        pose = self._require_goal().object_pose
        assert pose is not None
        return pose.copy()

    @abstractmethod
    def constrained_expert(self) -> Callable[[], Array]:
        """Return what gives the expert's next action (7,) within the planners' bounds."""

    def _make_robot(self) -> ObjectRobot:
        from armchair.sim.object_robot import SimObjectRobot

        return SimObjectRobot(self.object, self.gripper)

    def _rest_and_look(self) -> tuple[NDArray[np.uint8], Array]:
        """Come to rest; return the picture and the state (7,) of that moment."""
        self.robot.hold(COME_TO_REST_S)
        return self.robot.frame(), self.robot.state()

    def _goal_here(self) -> Goal:
        """Come to rest and return this moment as the goal."""
        frame, state = self._rest_and_look()
        return Goal(frames=(frame,), states=(state,), object_pose=self.robot.object_pose())

    def _flange_distance(self) -> float:
        return float(np.linalg.norm(self.robot.state()[:3] - self.goal_state()[:3]))

    def _object_distance(self) -> float:
        gap = self.robot.object_pose()[:3] - self.goal_object_pose()[:3]
        return float(np.linalg.norm(gap))

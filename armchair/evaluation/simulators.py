"""What the evaluator may ask of an unwrapped environment; no agent ever holds one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from armchair.envs.robot import ObjectRobot

Vector = NDArray[np.float64]


class Simulator(Protocol):
    """Any task: the flange, its goal, and time that passes."""

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
        """Carry the task out as the free expert; return the distance left in metres."""
        ...


class ObjectSimulator(Simulator, Protocol):
    """A task with an object: where it is, where it belongs, and what touches it."""

    @property
    def robot(self) -> ObjectRobot:
        """The arm, with all that it knows of the object."""
        ...

    def goal_object_pose(self) -> Vector:
        """Return the object's pose (7,) in the stored goal state, metres and quaternion w x y z."""
        ...

    def constrained_expert(self) -> Callable[[], Vector]:
        """Return what gives the expert's next action (7,), from now to the episode's end."""
        ...


class PlacingSimulator(ObjectSimulator, Protocol):
    """Pick-and-place: it also remembers what happened on the way, at every row of 1/15 s."""

    def was_grasped(self) -> bool:
        """Return whether the object was between both pads at some time."""
        ...

    def was_carried(self) -> bool:
        """Return whether the object was between both pads and at least 3 cm off the table."""
        ...

"""What an environment asks of an arm, simulated or real; the arm's side never imports this."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Robot(Protocol):
    """An arm with one exterior camera. Poses in the base frame, metres and radians.

    Models have learnt from moves that follow these rules, which `armchair.sim.arm` obeys: the
    position is commanded from the measured pose, the rotation from the last *commanded* one, so
    that the hand does not tip over step by step; a gripper change below 0.05 keeps the last
    command, so that what is held is not let go, and a closing one commands a quarter more than
    asked, to squeeze (`armchair.sim.gripper.next_command`, which needs numpy alone).
    """

    def new_scene(self, level: str, rng: np.random.Generator) -> None:
        """Return home, open the hand and make a fresh scene (on a real arm: the operator does)."""

    def state(self) -> Array:
        """Return the measured state (7,), see `armchair.poses`; gripper 0 open … 1 closed."""

    def frame(self) -> NDArray[np.uint8]:
        """Return the exterior camera's picture, uint8 (height, width, 3)."""

    def move(self, action: Array) -> int:
        """Blocking move by a change of state (7,); returns the rows (1/15 s) that it took.

        It ends within 5 mm of the command and below 2 cm/s, fingers at rest, or after 1.2 s.
        """

    def hold(self, seconds: float) -> None:
        """Keep pose and gripper command for a time."""

    def drive_to(self, position: Array, closed: float = 0.0) -> float:
        """Blocking absolute move to a flange position (3,); returns the error left in metres."""

    def show(self) -> None:
        """Draw the present moment in a window; raises ArmchairError where there is no display."""

    def close(self) -> None:
        """Free windows, GL contexts and connections."""


class ObjectRobot(Robot, Protocol):
    """An arm that also knows where the one object of its scene is, and how to handle it.

    A real arm without object tracking is a `Robot` and can still reach.
    """

    def move(self, action: Array, on_row: Callable[[], None] | None = None) -> int:
        """Blocking move as above; `on_row` is called after every row."""

    def object_pose(self) -> Array:
        """Return the object's position and quaternion w x y z (7,)."""

    def object_height(self) -> float:
        """Return the gap between the object's lowest point and the table top, metres."""

    def object_speed(self) -> float:
        """Return the object's speed in m/s."""

    def object_tilt(self) -> float:
        """Return the angle between the object's axis and the vertical, radians."""

    def held(self) -> bool:
        """Return whether both finger pads touch it (a cup: one inside and one outside)."""

    def pad_clearance(self) -> float:
        """Return the smallest distance of the finger pads to the object, metres."""

    def lift(self, metres: float, seconds: float) -> None:
        """Raise the hand straight up at constant speed with the gripper command held."""

    def grasp_position(self) -> Array:
        """Return the flange position (3,) at which closing the hand takes hold of the object."""

    def expert_grasp(self, on_row: Callable[[], None] | None = None) -> bool:
        """Take hold of the object where it stands; returns whether it is held."""

    def expert_carry(self, position: Array, on_row: Callable[[], None] | None = None) -> bool:
        """Bring the flange to a position (3,) with the object in hand; is it still held?"""

    def expert_place(self, spot: Array, on_row: Callable[[], None] | None = None) -> bool:
        """Put the held object down at x y (2,), let go and withdraw; returns whether it stands."""

    def constrained_expert(self, task: str, **goal: Array) -> Callable[[], Array]:
        """Return what gives the expert's next action (7,) within the planners' bounds."""

    def snapshot(self) -> Any:
        """Return all that `restore` needs."""

    def restore(self, snapshot: Any) -> None:
        """Bring arm and object back to a snapshot (on a real arm: the operator does)."""

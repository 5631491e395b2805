"""The free expert: straight lines at 15 Hz, with no limit of steps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from armchair.sim.arm import DOWN, ROW_S, SimArm
from armchair.sim.contacts import held
from armchair.sim.experts import waypoints

Array = NDArray[np.float64]
OnRow = Callable[[], None]

SPEED_M_PER_S = 0.25
SETTLE_ROWS = 18
ARRIVED_M, AT_REST_M_PER_S = 0.002, 0.01
FINGER_ROWS = 12
"""Time for the hand to close or open, and to come to rest."""
SETTLE_DOWN_M = 0.001
"""Pressed this far into the table, so that the object stands before it is let go."""


def free_grasp(arm: SimArm, on_row: OnRow | None = None) -> bool:
    """Open the hand, go over the object, down, and close; returns whether it is held.

    The hand turns to the sides of a box that stands askew.
    """
    arm.command_gripper = 0.0
    turn = Rotation.from_euler("z", waypoints.hand_turn(arm)).as_matrix()
    arm.command_rotation = turn @ DOWN
    if arm.state()[6] > 0.05:
        wait(arm, FINGER_ROWS, on_row)
    place = waypoints.grasp_pose(arm)
    height = max(float(arm.flange_position[2]), waypoints.hover_height(arm))
    glide(arm, np.array([*arm.flange_position[:2], height]), on_row)
    glide(arm, np.array([*place[:2], waypoints.hover_height(arm)]), on_row)
    glide(arm, place, on_row)
    arm.command_gripper = 1.0
    wait(arm, FINGER_ROWS, on_row)
    return held(arm.model, arm.data)


def free_carry(arm: SimArm, position: Array, on_row: OnRow | None = None) -> bool:
    """Bring the flange to `position` (3,) with the object in hand; returns whether it is held."""
    start = arm.flange_position
    rise = max(0.0, waypoints.CARRY_M - waypoints.drop(arm))
    if np.linalg.norm((position - start)[:2]) > 0.01:
        glide(arm, start + _up(rise), on_row)
        level = max(float(arm.flange_position[2]), float(position[2]))
        glide(arm, np.array([*position[:2], level]), on_row)
    glide(arm, position, on_row)
    return held(arm.model, arm.data)


def free_place(arm: SimArm, spot: Array, on_row: OnRow | None = None) -> bool:
    """Put the held object down at `spot` (2,), let go and rise; returns whether it was let go."""
    rise = max(0.0, waypoints.CARRY_M - waypoints.drop(arm))
    glide(arm, arm.flange_position + _up(rise), on_row)
    for _ in range(2):  # the second time puts right what the first left
        glide(arm, arm.flange_position + np.append(waypoints.way_to_spot(arm, spot), 0.0), on_row)
    glide(arm, arm.flange_position - _up(waypoints.drop(arm) + SETTLE_DOWN_M), on_row)
    arm.command_gripper = 0.0
    wait(arm, FINGER_ROWS, on_row)
    glide(arm, np.array([*arm.flange_position[:2], waypoints.leave_height(arm)]), on_row)
    return not held(arm.model, arm.data)


def glide(arm: SimArm, position: Array, on_row: OnRow | None = None) -> None:
    """Move the command along a line to a flange position (3,), then wait for the flange."""
    start = arm.flange_position
    rows = int(np.ceil(np.linalg.norm(position - start) / (SPEED_M_PER_S * ROW_S)))
    for row in range(1, rows + 1):
        arm.command_position = start + (position - start) * row / rows
        wait(arm, 1, on_row)
    arm.command_position = np.array(position)
    for _ in range(SETTLE_ROWS):
        if arm.settled(ARRIVED_M, AT_REST_M_PER_S):
            return
        wait(arm, 1, on_row)


def wait(arm: SimArm, rows: int, on_row: OnRow | None = None) -> None:
    """Let time pass, in rows of 1/15 s."""
    for _ in range(rows):
        arm.row()
        if on_row is not None:
            on_row()


def _up(metres: float) -> Array:
    return np.array([0.0, 0.0, metres])

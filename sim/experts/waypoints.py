"""Where the flange goes to take, carry and put down the scene's object; base frame, metres."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from armchair.sim.arm import SimArm
from armchair.sim.contacts import object_height, object_pose
from armchair.sim.objects import object_body, object_kind, object_scale, rest_height

Array = NDArray[np.float64]

TABLE_GAP_M = 0.004
"""Between the lowest point of the fingers and the table."""
PALM_GAP_M = 0.003
RIM_DEPTH_M = 0.035
"""How deep the fingertips reach below the rim of a cup."""
OVER_M = 0.012
"""Between the open fingers and the top of the object while the hand moves over it."""
CLEAR_M = 0.03
"""The same after letting go; benchmark v1 asks for 2 cm."""
CARRY_M = 0.05
"""Height of the object above the table while it is carried; benchmark v1 asks for 3 cm."""
SMALL_TURN_RAD = 0.08
"""Closing fingers straighten a box that is turned by less."""


def grasp_pose(arm: SimArm) -> Array:
    """Return where closing the hand takes hold of the object as it stands (3,).

    A cup is taken by its rim on the side of the robot's base, the fingers along x.
    """
    kind, scale = object_kind(arm.model), object_scale(arm.model)
    x, y, _ = object_pose(arm.model, arm.data)[:3]
    top = _top(arm)
    if kind.rim_radius_m:
        return np.array([x - kind.rim_radius_m * scale, y, top + arm.hand.tip_m - RIM_DEPTH_M])
    above_table = max(arm.hand.tip_m + TABLE_GAP_M, top + arm.hand.palm_m + PALM_GAP_M)
    return np.array([x, y, above_table])


def hand_turn(arm: SimArm) -> float:
    """Return the turn about the vertical that lays the fingers on a box's sides, ±pi/4 radians.

    Zero for a cup, and for a box that stands as in benchmark v1 but for a few degrees.
    """
    if object_kind(arm.model).rim_radius_m:
        return 0.0
    rotation = arm.data.body(object_body(arm.model)).xmat.reshape(3, 3)
    yaw = np.arctan2(rotation[1, 0], rotation[0, 0])
    turn = float((yaw + np.pi / 4) % (np.pi / 2) - np.pi / 4)
    return turn if abs(turn) > SMALL_TURN_RAD else 0.0


def hover_height(arm: SimArm) -> float:
    """Return the flange's height from which the open fingers pass over the standing object."""
    return _top(arm) + arm.hand.tip_m + OVER_M


def leave_height(arm: SimArm) -> float:
    """Return the flange's height at which the open hand is clear of the standing object."""
    return _top(arm) + arm.hand.tip_m + CLEAR_M


def way_to_spot(arm: SimArm, spot: Array) -> Array:
    """Return how far the object in hand must move (2,) to be above `spot` (2,)."""
    return np.asarray(spot - object_pose(arm.model, arm.data)[:2])


def drop(arm: SimArm) -> float:
    """Return how far the object can be lowered until it stands on the table."""
    return max(0.0, object_height(arm.model, arm.data))


def _top(arm: SimArm) -> float:
    """Height of the object's top when it stands on the table."""
    return 2 * rest_height(arm.model)

"""Where the object is, how to take it and what became of it; read from the simulator."""

from __future__ import annotations

import numpy as np

from armchair.sim import contacts, objects
from armchair.sim.arm import SimArm
from armchair.sim.behaviours.registry import Array

HOVER_M = 0.30
"""Flange height at which the open hand passes over every object."""
LIFTED_M = 0.03
"""Rise of the object that only a holding hand brings about (benchmark v1)."""
PLACED_M = 0.05
"""Benchmark v1: how far from its target an object may end."""
BELOW_MIDDLE_M = 0.022
"""How far below a box's middle the fingertips go."""
BELOW_RIM_M = 0.03
"""How far below a cup's rim the fingertips go."""
FAR_X_M = 0.5
"""A cup beyond is taken by the side of its rim that is nearer to the robot, others by the other."""
REACH_LOW, REACH_HIGH = np.array([0.30, -0.27]), np.array([0.68, 0.27])
"""Where on the table the hand can take things from above, metres."""


def object_name(arm: SimArm) -> str:
    """Return what the scene's object is called in task texts."""
    return objects.object_kind(arm.model).name


def object_position(arm: SimArm) -> Array:
    """Return the object's position (3,) in the base frame, metres."""
    return contacts.object_pose(arm.model, arm.data)[:3]


def table_flange(arm: SimArm) -> float:
    """Return the lowest flange height, metres: the fingertips just clear the table."""
    return arm.hand.tip_m + 0.002


def grasp_position(arm: SimArm) -> Array:
    """Return the flange position (3,), metres, at which closing the hand grasps the object.

    A box between the fingers; a cup with one finger inside its rim.
    """
    x, y, z = object_position(arm)
    kind, scale = objects.object_kind(arm.model), objects.object_scale(arm.model)
    if kind.rim_radius_m:
        side = -1.0 if x > FAR_X_M else 1.0
        top = z + objects.rest_height(arm.model)
        rim = x + side * kind.rim_radius_m * scale
        return np.array([rim, y, top - BELOW_RIM_M + arm.hand.tip_m])
    return np.array([x, y, max(table_flange(arm), z - BELOW_MIDDLE_M + arm.hand.tip_m)])


def clear_of(arm: SimArm) -> float:
    """Return how far from the middle of the object closed fingers touch nothing, metres."""
    return 0.06 + objects.object_kind(arm.model).rim_radius_m


def on_table(arm: SimArm) -> bool:
    """Whether the object stands where the arm can grasp it from above."""
    place = object_position(arm)
    inside = (place[:2] > REACH_LOW).all() and (place[:2] < REACH_HIGH).all()
    return bool(inside and place[2] > 0 and contacts.tilt(arm.model, arm.data) < 0.5)


def resting_height(arm: SimArm) -> float:
    """Return the height of the object's middle when it stands on the table, metres."""
    return objects.rest_height(arm.model)


def is_lifted(arm: SimArm) -> bool:
    """Whether the fingers hold the object off the table."""
    rise = object_position(arm)[2] - resting_height(arm)
    return bool(rise > LIFTED_M) and contacts.held(arm.model, arm.data)

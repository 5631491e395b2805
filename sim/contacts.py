"""What the evaluator and the experts read from the simulator about fingers and object.

Agents never see any of it. Metres, seconds, radians, newtons; base frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from armchair.sim.hands import hand_of
from armchair.sim.objects import object_body, object_geoms, object_kind, object_scale

Array = NDArray[np.float64]


TOUCH_N = 0.05
"""A contact counts from this normal force: what only grazes or lets go does not hold."""


@dataclass(frozen=True, kw_only=True)
class FingerContacts:
    """Whether the pad of each finger presses the object."""

    left: bool
    right: bool


def finger_contacts(model: mujoco.MjModel, data: mujoco.MjData) -> FingerContacts:
    """Return which pads press the object."""
    left, right = (bool(_touches(model, data, pads)) for pads in hand_of(model).pad_geoms(model))
    return FingerContacts(left=left, right=right)


def held(model: mujoco.MjModel, data: mujoco.MjData) -> bool:
    """Return whether both pads touch the object; a cup: one inside its wall and one outside."""
    places = [_inside(model, data, pads) for pads in hand_of(model).pad_geoms(model)]
    if not all(places):
        return False
    if not object_kind(model).rim_radius_m:
        return True
    return (True in places[0] and False in places[1]) or (False in places[0] and True in places[1])


def grip_force(model: mujoco.MjModel, data: mujoco.MjData) -> Array:
    """Return the normal force of the left and right pad on the object (2,), in newtons."""
    pads = hand_of(model).pad_geoms(model)
    return np.array([sum(_touches(model, data, finger).values()) for finger in pads])


def object_pose(model: mujoco.MjModel, data: mujoco.MjData) -> Array:
    """Return the object's pose (7,): x y z of its middle, then its quaternion w x y z."""
    body = data.body(object_body(model))
    return np.concatenate([body.xpos, body.xquat])


def object_height(model: mujoco.MjModel, data: mujoco.MjData) -> float:
    """Return the gap between the object's lowest point and the table top, metres."""
    return min(_lowest(model, data, geom) for geom in object_geoms(model))


def object_speed(model: mujoco.MjModel, data: mujoco.MjData) -> float:
    """Return the speed of the object's middle in m/s."""
    velocity = np.zeros(6)
    body = model.body(object_body(model)).id
    mujoco.mj_objectVelocity(model, data, mujoco.mjtObj.mjOBJ_XBODY, body, velocity, 0)
    return float(np.linalg.norm(velocity[3:]))


def tilt(model: mujoco.MjModel, data: mujoco.MjData) -> float:
    """Return the angle between the object's own z axis and the vertical, in [0, pi] radians."""
    return float(np.arccos(np.clip(data.body(object_body(model)).xmat[8], -1.0, 1.0)))


def pad_clearance(model: mujoco.MjModel, data: mujoco.MjData) -> float:
    """Return the smallest distance of a pad to the object in metres, 0 when they touch.

    From a lattice of points on each side to the solids of the other: below 2 cm right to 0.5 mm.
    """
    left, right = hand_of(model).pad_geoms(model)
    pads, pieces = (*left, *right), object_geoms(model)
    return min(
        _gap(model, data, _lattice(model, data, first), second)
        for pad in pads
        for piece in pieces
        for first, second in ((pad, piece), (piece, pad))
    )


def _lowest(model: mujoco.MjModel, data: mujoco.MjData, geom: int) -> float:
    """Return the height of the lowest point of a box or cylinder."""
    size, down = model.geom_size[geom], np.abs(data.geom_xmat[geom, 6:9])
    below = float(down @ size)
    if model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_CYLINDER:
        below = float(np.hypot(down[0], down[1]) * size[0] + down[2] * size[1])
    return float(data.geom_xpos[geom, 2]) - below


def _lattice(model: mujoco.MjModel, data: mujoco.MjData, geom: int) -> Array:
    """Return points (75, 3) that fill a geom's box, corners included, in the base frame."""
    sides = np.meshgrid(np.linspace(-1, 1, 3), np.linspace(-1, 1, 5), np.linspace(-1, 1, 5))
    size = model.geom_size[geom]
    if model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_CYLINDER:  # the box inside it
        size = np.array([size[0] / np.sqrt(2), size[0] / np.sqrt(2), size[1]])
    local = np.stack(sides, axis=-1).reshape(-1, 3) * size
    return np.asarray(data.geom_xpos[geom] + local @ data.geom_xmat[geom].reshape(3, 3).T)


def _gap(model: mujoco.MjModel, data: mujoco.MjData, points: Array, geom: int) -> float:
    """Return the distance of the nearest of `points` (n, 3) to a box or cylinder, 0 inside."""
    local = (points - data.geom_xpos[geom]) @ data.geom_xmat[geom].reshape(3, 3)
    size = model.geom_size[geom]
    if model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_CYLINDER:
        radial = np.linalg.norm(local[:, :2], axis=1)
        beyond = np.stack([radial - size[0], np.abs(local[:, 2]) - size[1]], axis=1)
    else:
        beyond = np.abs(local) - size
    return float(np.linalg.norm(np.maximum(beyond, 0.0), axis=1).min())


def _touches(model: mujoco.MjModel, data: mujoco.MjData, pads: tuple[int, ...]) -> dict[int, float]:
    """Return the contacts in which `pads` press the object: index to normal force in newtons."""
    mine, found, force = set(object_geoms(model)), {}, np.zeros(6)
    for index, (first, second) in enumerate(data.contact.geom.tolist()):
        if (first in pads and second in mine) or (second in pads and first in mine):
            mujoco.mj_contactForce(model, data, index, force)
            if force[0] > TOUCH_N:
                found[index] = float(force[0])
    return found


def _inside(model: mujoco.MjModel, data: mujoco.MjData, pads: tuple[int, ...]) -> list[bool]:
    """Return for each contact of `pads` whether it lies within the middle of the cup's wall."""
    body = data.body(object_body(model))
    radius = object_kind(model).rim_radius_m * object_scale(model)
    contacts = list(_touches(model, data, pads))
    local = (data.contact.pos[contacts] - body.xpos) @ body.xmat.reshape(3, 3)
    return [bool(r < radius) for r in np.linalg.norm(local[:, :2], axis=1)]

"""What lies on the table: a box that fits between the fingers, and a cup to be held by its rim.

One object a scene. Its body is `<name>_main`, its free joint `<name>_joint0`, its collision geoms
`<name>_g<i>` (group 0) and what is drawn of it `<name>_g<i>_vis` (group 1). The body frame is in
the middle of the object, upright at quaternion 1 0 0 0. Metres, kilograms, base frame.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from armchair.registry import Registry
from armchair.sim import cup

Array = NDArray[np.float64]

BOX_HALF_SIZE_M = 0.025
BOX_DENSITY = 400.0
"""kg/m³: the box weighs 50 g."""


@dataclass(frozen=True, kw_only=True)
class ObjectKind:
    """One kind of object."""

    name: str
    half_height_m: float
    scale_range: float
    """Largest relative change of size that keeps the object within benchmark v1."""
    height_range: float = 0.0
    """Largest relative change of height alone; a box is stretched along each side instead."""
    rim_radius_m: float = 0.0
    """Middle of the wall; 0 where both pads go outside."""
    build: Callable[[mujoco.MjSpec], None] | None = None
    """Adds the object to a scene; None for the box, which robosuite brings."""


OBJECTS: Registry[ObjectKind] = Registry("object")
OBJECTS.add("box")(ObjectKind(name="box", half_height_m=BOX_HALF_SIZE_M, scale_range=0.3))
OBJECTS.add("cup")(
    ObjectKind(
        name="cup",
        half_height_m=cup.HEIGHT_M / 2,
        scale_range=cup.SCALE_RANGE,
        height_range=cup.HEIGHT_RANGE,
        rim_radius_m=cup.RIM_RADIUS_M,
        build=cup.add_cup,
    )
)


def object_kind(model: mujoco.MjModel) -> ObjectKind:
    """Return the kind of the scene's object."""
    for name in OBJECTS:
        if mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, f"{name}_main") >= 0:
            return OBJECTS[name]
    raise ValueError("the model holds no object of armchair.sim.objects")


def object_body(model: mujoco.MjModel) -> str:
    """Return the name of the object's body."""
    return f"{object_kind(model).name}_main"


def object_geoms(model: mujoco.MjModel, drawn: bool = False) -> list[int]:
    """Return the ids of the geoms that collide, or of those that are drawn."""
    body = model.body(object_body(model))
    ids = range(int(body.geomadr[0]), int(body.geomadr[0] + body.geomnum[0]))
    return [i for i in ids if bool(model.geom_contype[i] | model.geom_conaffinity[i]) != drawn]


def object_scale(model: mujoco.MjModel) -> float:
    """Return the present size over the nominal one, of what has a rim the radius."""
    kind = object_kind(model)
    if kind.rim_radius_m:
        return float(model.geom_size[object_geoms(model)[0], 0] / kind.rim_radius_m)
    return rest_height(model) / kind.half_height_m


def rest_height(model: mujoco.MjModel) -> float:
    """Return the height of the body frame above the table when the object stands on it."""
    geom = object_geoms(model)[0]
    if model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_BOX:
        return float(model.geom_size[geom, 2])
    return float(model.geom_size[geom, 1] - model.geom_pos[geom, 2])


def place(
    model: mujoco.MjModel,
    data: mujoco.MjData,
    xy: Array,
    yaw: float = 0.0,
    height: float | None = None,
) -> None:
    """Stand the object on the table, at rest; `xy` (2,) metres, `yaw` radians.

    Or upright in the air, its body frame at a height in metres.
    """
    height = rest_height(model) if height is None else height
    joint = model.joint(f"{object_kind(model).name}_joint0")
    address, dof = int(joint.qposadr[0]), int(joint.dofadr[0])
    turn = [np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2)]
    data.qpos[address : address + 7] = [float(xy[0]), float(xy[1]), height, *turn]
    data.qvel[dof : dof + 6] = 0.0
    mujoco.mj_forward(model, data)


def paint(model: mujoco.MjModel, colour: Array) -> None:
    """Give the object a colour (3,), RGB in [0, 1]."""
    for geom in object_geoms(model, drawn=True) + object_geoms(model):
        model.geom_rgba[geom, :3] = colour


def resize(model: mujoco.MjModel, nominal: mujoco.MjModel, scale: float) -> None:
    """Scale the object about its middle, within its `scale_range`; its mass stays.

    `nominal` is the model as compiled.
    """
    reach = object_kind(model).scale_range
    scale = float(np.clip(scale, 1 - reach, 1 + reach))
    for geom in object_geoms(model) + object_geoms(model, drawn=True):
        model.geom_size[geom] = nominal.geom_size[geom] * scale
        model.geom_pos[geom] = nominal.geom_pos[geom] * scale
        model.geom_rbound[geom] = nominal.geom_rbound[geom] * scale
        model.geom_aabb[geom] = nominal.geom_aabb[geom] * scale
    body = model.body(object_body(model)).id
    model.body_ipos[body] = nominal.body_ipos[body] * scale
    start, count = model.body_bvhadr[body], model.body_bvhnum[body]
    model.bvh_aabb[start : start + count] = nominal.bvh_aabb[start : start + count] * scale


def stretch(model: mujoco.MjModel, factor: float) -> None:
    """Make the object taller or lower by a factor within its `height_range`, after `resize`.

    Width, wall, the thickness of the bottom and mass stay.
    """
    reach, rest = object_kind(model).height_range, rest_height(model)
    factor = float(np.clip(factor, 1 - reach, 1 + reach))
    rise = (factor - 1) * rest
    for geom in object_geoms(model) + object_geoms(model, drawn=True):
        if model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_CYLINDER:
            model.geom_pos[geom, 2] -= rise
            continue
        model.geom_size[geom, 2] *= factor
        model.geom_pos[geom, 2] *= factor
        model.geom_rbound[geom] = np.linalg.norm(model.geom_size[geom])
        model.geom_aabb[geom, 5] = model.geom_size[geom, 2]
    body = model.body(object_body(model)).id
    start, count = model.body_bvhadr[body], model.body_bvhnum[body]
    model.bvh_aabb[start : start + count, 3:] += abs(rise)  # no point moves farther

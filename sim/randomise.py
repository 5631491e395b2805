"""Named levels of variety: `none`, `light` (benchmark v1) and `full`, all from one generator.

A level changes what is seen and where things stand, never the robot.
"""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from armchair.registry import Registry
from armchair.sim.arm import SimArm
from armchair.sim.cameras import LEFT, CameraPlacement
from armchair.sim.scene import LEFT_CAMERA, OBJECT_HALF_SIZE_M, OBJECT_NAME

Array = NDArray[np.float64]

WORKSPACE_CENTRE = np.array([0.50, 0.0])
"""Middle of the object area on the table, metres."""
OBJECT_AREA_M = np.array([0.10, 0.15])
"""Benchmark v1: object pose within ±10 × ±15 cm."""


@dataclass(frozen=True, kw_only=True)
class Level:
    """How much varies. Lengths in metres, half-ranges of uniform distributions."""

    camera_m: float = 0.0
    look_at_m: float = 0.0
    light: float = 0.0
    """Relative change of the lamps' brightness."""
    lamp_m: float = 0.0
    table_colour: float = 0.0
    """Half-range around the nominal table colour, in [0, 1] RGB."""
    any_object_colour: bool = False
    object_scale: float = 0.0
    place_object: bool = True


LEVELS: Registry[Level] = Registry("level")
LEVELS.add("none")(Level())
LEVELS.add("light")(
    Level(
        camera_m=0.02,
        look_at_m=0.01,
        light=0.15,
        lamp_m=0.3,
        table_colour=0.15,
        any_object_colour=True,
        object_scale=0.15,
    )
)
LEVELS.add("full")(
    Level(
        camera_m=0.06,
        look_at_m=0.04,
        light=0.4,
        lamp_m=1.0,
        table_colour=0.45,
        any_object_colour=True,
        object_scale=0.3,
    )
)


def randomise(arm: SimArm, level: Level, rng: np.random.Generator) -> CameraPlacement:
    """Dress the scene and lay the object on the table; returns where the left camera stands."""
    base, model = arm.nominal, arm.model
    placement = LEFT.jittered(
        rng.uniform(-1, 1, 3) * level.camera_m, rng.uniform(-1, 1, 3) * level.look_at_m
    )
    _place_camera(model, placement)
    brightness = 1 + rng.uniform(-1, 1) * level.light
    model.light_diffuse[:] = base.light_diffuse * brightness
    model.light_dir[:] = _unit(base.light_dir + rng.uniform(-1, 1, 3) * level.lamp_m)
    model.vis.headlight.diffuse[:] = np.array(base.vis.headlight.diffuse) * brightness
    table = model.geom("table_visual").id
    tint = base.geom_rgba[table, :3] + rng.uniform(-1, 1, 3) * level.table_colour
    model.geom_rgba[table, :3] = np.clip(tint, 0.05, 0.95)
    _dress_object(model, base, level, rng)
    if level.place_object:
        place_object(arm, rng)
    mujoco.mj_forward(model, arm.data)
    return placement


def place_object(arm: SimArm, rng: np.random.Generator) -> None:
    """Lay the object at rest within the benchmark's area, aligned with the fingers (yaw 0)."""
    address = int(arm.model.joint(f"{OBJECT_NAME}_joint0").qposadr[0])
    height = float(arm.model.geom(f"{OBJECT_NAME}_g0").size[2])
    xy = WORKSPACE_CENTRE + rng.uniform(-1, 1, 2) * OBJECT_AREA_M
    arm.data.qpos[address : address + 7] = [*xy, height, 1, 0, 0, 0]


def _dress_object(
    model: mujoco.MjModel, base: mujoco.MjModel, level: Level, rng: np.random.Generator
) -> None:
    colour = rng.uniform(0.05, 0.95, 3)
    scale = 1 + rng.uniform(-1, 1) * level.object_scale
    for name in (f"{OBJECT_NAME}_g0", f"{OBJECT_NAME}_g0_vis"):
        geom = model.geom(name).id
        model.geom_size[geom] = base.geom_size[geom] * scale
        model.geom_rbound[geom] = base.geom_rbound[geom] * scale
        model.geom_aabb[geom] = base.geom_aabb[geom] * scale
        model.geom_rgba[geom, :3] = colour if level.any_object_colour else base.geom_rgba[geom, :3]
    assert base.geom(f"{OBJECT_NAME}_g0").size[0] == OBJECT_HALF_SIZE_M


def _place_camera(model: mujoco.MjModel, placement: CameraPlacement) -> None:
    camera = model.camera(LEFT_CAMERA).id
    model.cam_pos[camera] = placement.position
    quaternion = np.zeros(4)
    mujoco.mju_mat2Quat(quaternion, placement.rotation.reshape(-1))
    model.cam_quat[camera] = quaternion


def _unit(vectors: Array) -> Array:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))

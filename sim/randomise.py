"""Named levels of variety: `none`, `light` (benchmark v1) and `full`, all from one generator.

A level changes what is seen and where things stand, never the robot. What was added after the
first model was trained draws from a generator of its own (`rng.spawn`), so that the scenes of
level `light` stay what they were.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import mujoco
import numpy as np
from numpy.typing import NDArray

from armchair.errors import BadValueError
from armchair.registry import Registry
from armchair.sim import objects
from armchair.sim.arm import SimArm
from armchair.sim.cameras import CameraPlacement
from armchair.sim.distractors import distractor_geoms, place_distractors
from armchair.sim.scene import LEFT_CAMERA, RIGHT_CAMERA
from armchair.sim.textures import pattern_materials

Array = NDArray[np.float64]

WORKSPACE_CENTRE = np.array([0.50, 0.0])
"""Middle of the object area on the table, metres."""
OBJECT_AREA_M = np.array([0.10, 0.15])
"""Benchmark v1: object pose within ±10 × ±15 cm."""
SWEEP_DEG = (35.0, 85.0)
"""The whole range of DROID-like left cameras (appendix B.4 of the paper)."""
WIDEST_M = 0.034
"""Largest half size of a box between the fingers: the stroke is 85 mm."""
BACKGROUND = ("floor", "wall_")
"""First letters of the geoms behind the table."""
BARE = 0.3
"""Share of surfaces that go without a pattern where a level has patterns."""
LEFT_DEG = (10.0, 170.0)
"""Angles about the table at which the left camera is left of the right one, jittered or not."""


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
    camera_angle_deg: tuple[float, float] | None = None
    """Range of the left camera's angle about the table; None keeps the placement's own."""
    object_shape: float = 0.0
    """Relative change of each side of a box on its own; of a cup, its height."""
    object_yaw_rad: float = 0.0
    patterns: bool = False
    """Patterns on table, object, walls and floor; needs `SceneConfig(variety=True)`."""
    distractors: int = 0
    """Most things that stand about; needs `SceneConfig(variety=True)`."""
    light_tint: float = 0.0
    """Relative change of each colour of the lamps on its own."""
    start_turn_rad: float = 0.0
    """Deviation of the hand's turn about each axis when a recorded episode starts."""
    action_noise_m: float = 0.0
    """Deviation of what is added to each axis of a recorded action with an object."""

    def __post_init__(self) -> None:
        if self.camera_angle_deg is not None:
            low, high = self.camera_angle_deg
            if not LEFT_DEG[0] <= low <= high <= LEFT_DEG[1]:
                raise BadValueError(
                    f"camera angles {low:g}…{high:g}° are no range within {LEFT_DEG[0]:g}…"
                    f"{LEFT_DEG[1]:g}°, where the left camera is on the left; DROID-like ones lie "
                    "between 35 and 85."
                )

    @property
    def varied(self) -> bool:
        """Whether the scene needs patterns and distractors to choose from."""
        return self.patterns or self.distractors > 0


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
        object_shape=0.2,
        object_yaw_rad=0.1,
        patterns=True,
        distractors=5,
        light_tint=0.1,
        start_turn_rad=0.05,
        action_noise_m=0.004,
    )
)


def randomise(arm: SimArm, level: Level, rng: np.random.Generator) -> CameraPlacement:
    """Dress the scene and lay the object on the table; returns where the left camera stands."""
    more = rng.spawn(1)[0]
    placement = redress(arm, level, rng, more)
    objects.resize(arm.model, arm.nominal, 1 + rng.uniform(-1, 1) * level.object_scale)
    _add_variety(arm, level, more)
    if level.place_object:
        yaw = more.uniform(-1, 1) * level.object_yaw_rad
        xy = WORKSPACE_CENTRE + rng.uniform(-1, 1, 2) * OBJECT_AREA_M
        objects.place(arm.model, arm.data, xy, yaw)
    mujoco.mj_forward(arm.model, arm.data)
    return placement


def redress(
    arm: SimArm, level: Level, rng: np.random.Generator, angles: np.random.Generator
) -> CameraPlacement:
    """Draw the left camera's place, lamps, table's and object's colour anew; all else stays.

    Returns where the camera stands; its angle, if the level has a range, is drawn from `angles`.
    """
    base, model = arm.nominal, arm.model
    placement = _left(arm, level, angles).jittered(
        rng.uniform(-1, 1, 3) * level.camera_m, rng.uniform(-1, 1, 3) * level.look_at_m
    )
    _place_camera(model, LEFT_CAMERA, placement)
    brightness = 1 + rng.uniform(-1, 1) * level.light
    model.light_diffuse[:] = base.light_diffuse * brightness
    model.light_dir[:] = _unit(base.light_dir + rng.uniform(-1, 1, 3) * level.lamp_m)
    model.vis.headlight.diffuse[:] = np.array(base.vis.headlight.diffuse) * brightness
    table = model.geom("table_visual").id
    tint = base.geom_rgba[table, :3] + rng.uniform(-1, 1, 3) * level.table_colour
    model.geom_rgba[table, :3] = np.clip(tint, 0.05, 0.95)
    colour = rng.uniform(0.05, 0.95, 3)
    _colour_object(model, base, colour if level.any_object_colour else None)
    return placement


def redress_more(arm: SimArm, level: Level, rng: np.random.Generator) -> None:
    """Draw the right camera's place, at an angle of its own, and the tint of the lamps anew.

    The lamps are those that `redress` left, which comes before.
    """
    right = _left(arm, level, rng).mirrored.jittered(
        rng.uniform(-1, 1, 3) * level.camera_m, rng.uniform(-1, 1, 3) * level.look_at_m
    )
    _place_camera(arm.model, RIGHT_CAMERA, right)
    arm.model.light_diffuse[:] *= 1 + rng.uniform(-1, 1, 3) * level.light_tint


def _left(arm: SimArm, level: Level, rng: np.random.Generator) -> CameraPlacement:
    nominal = arm.config.left
    if level.camera_angle_deg is None:
        return nominal
    return replace(nominal, angle_deg=float(rng.uniform(*level.camera_angle_deg)))


def _add_variety(arm: SimArm, level: Level, rng: np.random.Generator) -> None:
    """All that the first model's data did not have, from a generator of its own."""
    model = arm.model
    redress_more(arm, level, rng)
    _reshape(model, 1 + rng.uniform(-1, 1, 3) * level.object_shape)
    place_distractors(model, level.distractors, rng)
    _cover(model, arm.nominal, level.patterns, rng)


def _reshape(model: mujoco.MjModel, factors: Array) -> None:
    """Stretch each side of a box (3,) on its own; what the hand must span stays graspable.

    Of a cup only the height: benchmark v1 fixes its diameter and wall.
    """
    if (factors == 1.0).all():
        return
    if objects.object_kind(model).rim_radius_m:
        objects.stretch(model, factors[2])
        return
    for geom in objects.object_geoms(model) + objects.object_geoms(model, drawn=True):
        size = model.geom_size[geom] * factors
        size[:2] = np.minimum(size[:2], WIDEST_M)
        model.geom_size[geom] = size
        model.geom_rbound[geom] = np.linalg.norm(size)
        model.geom_aabb[geom, 3:] = size
    body = model.body(objects.object_body(model)).id
    start, count = model.body_bvhadr[body], model.body_bvhnum[body]
    model.bvh_aabb[start : start + count, 3:] = size


def _colour_object(model: mujoco.MjModel, base: mujoco.MjModel, colour: Array | None) -> None:
    if colour is not None:
        objects.paint(model, colour)
        return
    for geom in objects.object_geoms(model) + objects.object_geoms(model, drawn=True):
        model.geom_rgba[geom] = base.geom_rgba[geom]


def _cover(
    model: mujoco.MjModel, base: mujoco.MjModel, patterns: bool, rng: np.random.Generator
) -> None:
    """Choose a pattern for each surface, and colours for the background; or take them all off."""
    flat, cube = pattern_materials(model, "flat"), pattern_materials(model, "cube")
    if not flat:
        return
    behind = [i for i in range(model.ngeom) if model.geom(i).name.startswith(BACKGROUND)]
    things = [*objects.object_geoms(model, drawn=True), *distractor_geoms(model)]
    for geom in (*behind, *things, model.geom("table_visual").id):
        model.geom_matid[geom] = base.geom_matid[geom]
    model.geom_rgba[behind] = base.geom_rgba[behind]
    if not patterns:
        return
    walls, floor, table, thing = (_choose(materials, rng) for materials in (flat, flat, flat, cube))
    colours = rng.uniform(0.2, 1.0, (2, 3))
    for geom in behind:
        is_floor = model.geom(geom).name == "floor"
        model.geom_matid[geom] = floor if is_floor else walls
        model.geom_rgba[geom, :3] = colours[int(is_floor)]
    model.geom_matid[model.geom("table_visual").id] = table
    for geom in objects.object_geoms(model, drawn=True):
        model.geom_matid[geom] = thing
    for geom in distractor_geoms(model):
        model.geom_matid[geom] = _choose(cube, rng)


def _choose(materials: list[int], rng: np.random.Generator) -> int:
    """Return one of the materials, or -1 for none."""
    return -1 if rng.random() < BARE else int(rng.choice(materials))


def _place_camera(model: mujoco.MjModel, name: str, placement: CameraPlacement) -> None:
    camera = model.camera(name).id
    model.cam_pos[camera] = placement.position
    quaternion = np.zeros(4)
    mujoco.mju_mat2Quat(quaternion, placement.rotation.reshape(-1))
    model.cam_quat[camera] = quaternion
    model.cam_fovy[camera] = placement.fovy_deg


def _unit(vectors: Array) -> Array:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))

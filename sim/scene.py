"""The table-top scene: robosuite's Panda, hand, table and one object, compiled once a process.

World frame = robot base frame; the table top is at z = 0, as on a DROID platform.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import mujoco
import numpy as np

from armchair.errors import BadValueError
from armchair.sim.cameras import PLACEMENTS, STANDARD_PLACEMENT, CameraPlacement
from armchair.sim.distractors import add_distractors
from armchair.sim.hands import HANDS
from armchair.sim.meshes import simplify_visual_meshes
from armchair.sim.objects import BOX_DENSITY, BOX_HALF_SIZE_M, OBJECTS
from armchair.sim.textures import add_patterns

TIMESTEP_S = 1 / 600
SUBSTEPS_PER_ROW = 40
"""600 Hz physics, 15 Hz rows: exact, where 33 substeps of 2 ms would drift by 1 %."""
FLANGE_SITE, LEFT_CAMERA, RIGHT_CAMERA, WRIST_CAMERA = "flange", "left", "right", "wrist"
FLANGE_OFFSET_M = 0.107
"""panda_link8 = link7 + 0.107 m along z, unrotated (Franka's data sheet, DROID's flange)."""
GRIPPER_YAW = np.pi / 2
"""The gripper is bolted on so that its fingers open along the base's x axis at zero yaw: a camera
on the robot's left sees them open and close."""
TABLE_SIZE_M = (1.1, 1.5, 0.05)
TABLE_CENTRE = (0.52, 0.0)
FLOOR_Z_M = -0.75
OBJECT_NAME = "box"
"""Of the default scene; ask `armchair.sim.objects` where the scene may hold a cup."""
OBJECT_HALF_SIZE_M = BOX_HALF_SIZE_M


@dataclass(frozen=True, kw_only=True)
class SceneConfig:
    """What is compiled in. `mesh_keep`: share of visual mesh faces kept (1 = robosuite's own).

    Raises `UnknownNameError` for an object or gripper that is not registered, `BadValueError` for
    a share of faces that is none.
    """

    object: str = "box"
    """A name of `armchair.sim.objects.OBJECTS`."""
    gripper: str = "robotiq"
    """A name of `armchair.sim.hands.HANDS`."""
    mesh_keep: float = 0.2
    offscreen_samples: int = 0
    """Multisampling of the off-screen buffer. Models see frames at half the size, which smooths
    edges anyway; 4 samples double the time of a frame in software."""
    left: CameraPlacement = PLACEMENTS[STANDARD_PLACEMENT]
    variety: bool = False
    """Compile in patterns and distractors, which levels with `patterns` or `distractors` use."""

    def __post_init__(self) -> None:
        OBJECTS[self.object], HANDS[self.gripper]
        if not 0.0 < self.mesh_keep <= 1.0:
            raise BadValueError(
                f"mesh_keep is {self.mesh_keep:g}, expected a share of the mesh faces, above 0 and "
                "up to 1, which keeps them all."
            )


@functools.cache
def compile_scene(config: SceneConfig = SceneConfig()) -> mujoco.MjModel:
    """Return the compiled scene; callers copy it before they change anything (see `copy.copy`)."""
    spec = mujoco.MjSpec.from_string(_robosuite_xml(config))
    spec.option.timestep = TIMESTEP_S
    # Keep robosuite's elliptic cones and impratio 20: grasps slip less.
    HANDS[config.gripper].prepare(spec)
    _place_gripper(spec)
    if (build := OBJECTS[config.object].build) is not None:
        build(spec)
    _dress(spec)
    if config.variety:
        add_patterns(spec)
        add_distractors(spec)
    for name, placement in ((LEFT_CAMERA, config.left), (RIGHT_CAMERA, config.left.mirrored)):
        axes = placement.rotation
        spec.worldbody.add_camera(
            name=name,
            pos=placement.position,
            xyaxes=np.concatenate([axes[:, 0], axes[:, 1]]),
            fovy=placement.fovy_deg,
        )
    spec.visual.quality.offsamples = config.offscreen_samples
    # robosuite's lamp casts no shadows (half a frame's time again): no map of 4096² for them,
    # which would take 116 MB of every GL context.
    spec.visual.quality.shadowsize = 0
    if config.mesh_keep < 1.0:
        simplify_visual_meshes(spec, spec.copy().compile(), config.mesh_keep)
    return spec.compile()


def _robosuite_xml(config: SceneConfig) -> str:
    import robosuite.models.grippers as grippers
    from robosuite.models.arenas import TableArena
    from robosuite.models.objects import BoxObject
    from robosuite.models.robots import Panda
    from robosuite.models.tasks import ManipulationTask

    robot = Panda()
    robot.add_gripper(getattr(grippers, HANDS[config.gripper].robosuite_class)())
    robot.set_base_xpos([0, 0, 0])
    arena = TableArena(
        table_full_size=TABLE_SIZE_M, table_offset=(*TABLE_CENTRE, 0.0), has_legs=False
    )
    box = BoxObject(
        name=OBJECT_NAME,
        size=[BOX_HALF_SIZE_M] * 3,
        rgba=[0.8, 0.2, 0.2, 1],
        density=BOX_DENSITY,
    )
    objects = [box] if config.object == OBJECT_NAME else []
    task = ManipulationTask(mujoco_arena=arena, mujoco_robots=[robot], mujoco_objects=objects)
    return str(task.get_xml())


def _place_gripper(spec: mujoco.MjSpec) -> None:
    for body in spec.bodies:
        if body.name == "robot0_link7":
            body.add_site(name=FLANGE_SITE, pos=[0, 0, FLANGE_OFFSET_M])
        if body.name == "robot0_right_hand":  # robosuite: 0.1065 m and turned by -45°
            body.pos = [0, 0, FLANGE_OFFSET_M]
            body.quat = [np.cos(GRIPPER_YAW / 2), 0, 0, np.sin(GRIPPER_YAW / 2)]
    for camera in spec.cameras:
        if camera.name == "robot0_eye_in_hand":
            camera.name = WRIST_CAMERA


def _dress(spec: mujoco.MjSpec) -> None:
    """Give table and box plain colours that can change at run time, and sink the floor."""
    for geom in spec.geoms:
        if geom.name == "floor":
            geom.pos = [0, 0, FLOOR_Z_M]
        if geom.name == "table_visual":
            geom.material, geom.rgba = "", [0.55, 0.5, 0.45, 1]
        if geom.name.startswith(OBJECT_NAME) and geom.group == 1:
            geom.material = ""

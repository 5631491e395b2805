"""One recorded episode, as collection hands it to the DROID writer; vocabulary, numpy only.

Row t of an episode holds the state, then the images, then the action chosen from them. Rows come
at 15 Hz whatever an MP4 header says. `armchair.episode_table` lists every dataset on disk,
`armchair.episode_names` every path: time is virtual, the index of an episode decides names and
timestamps, so that the same seed gives the same files.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from armchair.errors import BadValueError
from armchair.poses import check_states

ROWS_PER_SECOND = 15
"""DROID's control rate: one HDF5 row and one MP4 frame every 1/15 s."""
MIN_ROWS = 33
"""V-JEPA 2's loader wants more than 8 frames x 4 rows; it hangs on shorter episodes."""
OUTCOMES = ("failure", "success")
CAMERA_COUNT = 3
RIGHT_EYE_M = {0: 0.063, 1: 0.12, 2: 0.12}
"""Stereo baseline by camera type: ZED Mini on the wrist, ZED 2 outside (manufacturer's data)."""
STEP_LIMITS = {"position_m": 0.075, "rotation_rad": 0.15, "joint_rad": 0.2, "gripper": 0.25}
"""Largest change per row that `action/*_velocity` = 1 stands for; position and rotation by norm."""

Role = Literal["wrist", "ext1", "ext2"]
Floats = NDArray[np.float64]
Simulation = dict[str, NDArray[Any] | float | str]


@dataclass(frozen=True, kw_only=True)
class CameraLog:
    """One camera; the base frame in metres and radians, OpenCV axes (x right, y down, z forward).

    `role` is decided by sorted serials: see `RecordedEpisode`. `camera_type`: 0 hand, 1 varied,
    2 fixed. `extrinsics` (T, 6) of the left eye, `intrinsics` (3, 3) in pixels, `frames`
    (T, height, width, 3) uint8 RGB of the left eye, or None where nothing was rendered.
    """

    serial: str
    role: Role
    camera_type: int
    extrinsics: Floats
    intrinsics: Floats
    frames: NDArray[np.uint8] | None = None


@dataclass(frozen=True, kw_only=True)
class RobotLog:
    """What the robot measured, T rows; units as in `armchair.episode_table`."""

    cartesian_position: Floats
    gripper_position: Floats
    joint_positions: Floats
    joint_velocities: Floats
    joint_torques_computed: Floats
    motor_torques_measured: Floats

    @property
    def states(self) -> Floats:
        """States (T, 7): flange pose in metres and radians, gripper 0 open … 1 closed."""
        return np.concatenate([self.cartesian_position, self.gripper_position[:, None]], axis=1)


@dataclass(frozen=True, kw_only=True)
class CommandLog:
    """What was commanded, absolute, T rows: (T, 6) m and rad, (T,) 0 … 1, (T, 7) rad."""

    cartesian_position: Floats
    gripper_position: Floats
    joint_position: Floats


@dataclass(frozen=True, kw_only=True)
class RecordedEpisode:
    """One finished episode, ready to be written; checked on creation.

    `index` is unique over workers and shards. `simulation` is what DROID has no field for (seed,
    level, object poses, contacts, step boundaries): arrays, numbers and strings by name.
    """

    index: int
    success: bool
    task: str
    scene_id: int
    robot: RobotLog
    command: CommandLog
    cameras: tuple[CameraLog, ...]
    simulation: Simulation = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.index < 0:
            raise BadValueError(f"episode index {self.index} is negative; count from 0.")
        source = f"episode {self.index}"
        check_states(self.robot.states, source)
        check_states(
            np.column_stack([self.command.cartesian_position, self.command.gripper_position]),
            f"{source}, command",
        )
        self._check_shapes(source)
        self._check_cameras(source)

    def __len__(self) -> int:
        return len(self.robot.gripper_position)

    @property
    def serials(self) -> tuple[str, ...]:
        """The three serials, sorted."""
        return tuple(sorted(camera.serial for camera in self.cameras))

    def _check_shapes(self, source: str) -> None:
        rows = len(self)
        wanted: dict[str, tuple[int, ...]] = {
            "robot.joint_positions": (rows, 7),
            "robot.joint_velocities": (rows, 7),
            "robot.joint_torques_computed": (rows, 7),
            "robot.motor_torques_measured": (rows, 7),
            "command.joint_position": (rows, 7),
            "command.gripper_position": (rows,),
        }
        for name, shape in wanted.items():
            log, attribute = name.split(".")
            found = np.shape(getattr(getattr(self, log), attribute))
            if found != shape:
                raise BadValueError(f"{source}: {name} has shape {found}, expected {shape}.")

    def _check_cameras(self, source: str) -> None:
        outside = sorted(camera.serial for camera in self.cameras if camera.role != "wrist")
        roles = {camera.role: camera.serial for camera in self.cameras}
        if len(self.cameras) != CAMERA_COUNT or len(roles) != CAMERA_COUNT:
            raise BadValueError(
                f"{source}: cameras {sorted(roles)}, expected wrist, ext1 and ext2; give serial, "
                "extrinsics and intrinsics of all three, frames=None where nothing was rendered."
            )
        if [roles["ext1"], roles["ext2"]] != outside or len(set(self.serials)) != CAMERA_COUNT:
            raise BadValueError(f"{source}: ext1 must have the smaller serial, found {roles}.")
        for camera in self.cameras:
            _check_camera(camera, len(self), source)


def _check_camera(camera: CameraLog, rows: int, source: str) -> None:
    name = f"{source}, camera {camera.serial}"
    if not camera.serial.isdecimal():
        raise BadValueError(f"{name}: the serial must consist of digits.")
    if camera.extrinsics.shape != (rows, 6) or camera.intrinsics.shape != (3, 3):
        raise BadValueError(
            f"{name}: extrinsics {camera.extrinsics.shape} and intrinsics "
            f"{camera.intrinsics.shape}, expected ({rows}, 6) and (3, 3)."
        )
    frames = camera.frames
    if frames is None:
        return
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[::3] != (rows, 3):
        raise BadValueError(
            f"{name}: frames {frames.dtype} {frames.shape}, expected uint8 "
            f"({rows}, height, width, 3)."
        )
    if frames.shape[1] % 2 or frames.shape[2] % 2:
        raise BadValueError(f"{name}: frames {frames.shape}, height and width must be even.")

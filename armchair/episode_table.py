"""Every dataset, attribute and metadata field of a DROID-format episode, as a table; no imports.

One row per dataset: path, shape after the row axis, type, meaning. The writer in `armchair.sim`
and the reader and validator in `armchair.worldmodel.data` all work from it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Dtype = Literal["float64", "int64", "bool"]
IN_BASE = "camera in base: xyz m, Euler rad"


@dataclass(frozen=True)
class Dataset:
    """One HDF5 dataset of shape (T, *tail); `{serial}` in the path stands for each camera.

    We always write the `optional` ones; the released DROID files lack them.
    """

    path: str
    tail: tuple[int, ...]
    dtype: Dtype
    meaning: str
    optional: bool = False

    def for_serial(self, serial: str) -> Dataset:
        """Return this row with the camera's serial filled in."""
        return replace(self, path=self.path.format(serial=serial))


def _robot_state(group: str) -> tuple[Dataset, ...]:
    rows: tuple[tuple[str, tuple[int, ...], Dtype, str], ...] = (
        ("cartesian_position", (6,), "float64", "flange in base: xyz m, extrinsic xyz Euler rad"),
        ("gripper_position", (), "float64", "1 - width / max_width: 0 open, 1 closed"),
        ("joint_positions", (7,), "float64", "rad"),
        ("joint_velocities", (7,), "float64", "rad/s"),
        ("joint_torques_computed", (7,), "float64", "N m"),
        ("prev_joint_torques_computed", (7,), "float64", "N m, one row earlier"),
        ("prev_joint_torques_computed_safened", (7,), "float64", "N m, after the safety limits"),
        ("motor_torques_measured", (7,), "float64", "N m"),
        ("prev_controller_latency_ms", (), "float64", "ms"),
        ("prev_command_successful", (), "bool", "the controller took the previous command"),
    )
    return tuple(Dataset(f"{group}/robot_state/{row[0]}", *row[1:]) for row in rows)


def _many(prefix: str, names: str, dtype: Dtype, meaning: str) -> tuple[Dataset, ...]:
    return tuple(Dataset(f"{prefix}{name}", (), dtype, meaning) for name in names.split())


DATASETS: tuple[Dataset, ...] = (
    *_robot_state("observation"),
    *_many(
        "observation/controller_info/",
        "success failure movement_enabled controller_on",
        "bool",
        "the operator's buttons",
    ),
    Dataset("observation/timestamp/robot_state/robot_timestamp_seconds", (), "int64", "epoch s"),
    Dataset("observation/timestamp/robot_state/robot_timestamp_nanos", (), "int64", "ns past it"),
    *_many("observation/timestamp/robot_state/", "read_start read_end", "int64", "epoch ms"),
    *_many(
        "observation/timestamp/control/",
        "step_start policy_start sleep_start control_start step_end",
        "int64",
        "epoch ms",
    ),
    Dataset("observation/timestamp/skip_action", (), "bool", "the operator was idle"),
    Dataset("action/cartesian_velocity", (6,), "float64", "share of the step limits, [-1, 1]"),
    Dataset("action/joint_velocity", (7,), "float64", "share of the step limits, [-1, 1]"),
    Dataset("action/gripper_velocity", (), "float64", "share of the step limit, [-1, 1]"),
    Dataset("action/cartesian_position", (6,), "float64", "commanded absolute, m and rad"),
    Dataset("action/joint_position", (7,), "float64", "commanded absolute, rad"),
    Dataset("action/gripper_position", (), "float64", "commanded absolute, 0 open, 1 closed"),
    Dataset("action/target_cartesian_position", (6,), "float64", "the wish before limits, m, rad"),
    Dataset("action/target_gripper_position", (), "float64", "the wish before limits"),
    *_robot_state("action"),
)
"""Every dataset that does not belong to one camera."""

CAMERA_DATASETS: tuple[Dataset, ...] = (
    Dataset("observation/camera_type/{serial}", (), "int64", "0 hand, 1 varied, 2 fixed"),
    Dataset("observation/camera_extrinsics/{serial}_left", (6,), "float64", IN_BASE),
    Dataset("observation/camera_extrinsics/{serial}_right", (6,), "float64", IN_BASE),
    Dataset("observation/camera_intrinsics/{serial}_left", (3, 3), "float64", "pixels", True),
    Dataset("observation/camera_intrinsics/{serial}_right", (3, 3), "float64", "pixels", True),
    *_many(
        "observation/timestamp/cameras/{serial}_",
        "read_start read_end frame_received estimated_capture",
        "int64",
        "epoch ms",
    ),
)
"""Every dataset that each of the three cameras has, rendered or not."""

ATTRIBUTES: tuple[str, ...] = tuple(
    "user building scene_id current_task fixed_tasks new_tasks time robot_serial_number "
    "version_number success failure movement_enabled controller_on".split()
)
"""Attributes of the HDF5 root."""

METADATA: tuple[str, ...] = (
    *"uuid lab user user_id date timestamp hdf5_path building scene_id success".split(),
    *"robot_serial current_task trajectory_length left_mp4_path right_mp4_path".split(),
    *(
        f"{role}_{name}"
        for role in ("wrist", "ext1", "ext2")
        for name in ("cam_serial", "cam_extrinsics", "svo_path", "mp4_path")
    ),
)
"""Fields of metadata_<uuid>.json; none is null. `VERSION_FIELDS` come on top."""
VERSION_FIELDS = ("droid_version", "r2d2_version")
"""Older and newer readers want one or the other; ours has both."""


def datasets(serials: tuple[str, ...]) -> tuple[Dataset, ...]:
    """Return the whole table of one episode, the cameras' rows filled in for each serial."""
    cameras = (row.for_serial(serial) for serial in serials for row in CAMERA_DATASETS)
    return (*DATASETS, *cameras)

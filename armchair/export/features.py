"""What a LeRobot frame holds and from which DROID dataset; names as the public DROID port's.

Actions are those that the robot was commanded at 15 Hz, not the differences of states that our
world models learn from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from armchair.episode_names import TRAJECTORY
from armchair.errors import BadFileError
from armchair.worldmodel.data.cameras import ROLES, serials
from armchair.worldmodel.data.episodes import EpisodeHandle
from armchair.worldmodel.data.trajectory import COPY_AGAIN, open_trajectory, read_rows

POSE = ("x", "y", "z", "roll", "pitch", "yaw")
"""Metres and extrinsic xyz Euler radians in the base frame."""
JOINTS = tuple(f"joint_{number}" for number in range(7))
GRIPPER = ("gripper",)
"""0 open, 1 closed."""
CAMERA_NAMES = {"wrist": "wrist_left", "ext1": "exterior_1_left", "ext2": "exterior_2_left"}
"""Our role to the port's name: the left eye of each stereo camera."""

Values = dict[str, NDArray[Any] | list[str]]


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One column: `axes` name its numbers; `source` is the DROID dataset that it copies."""

    dtype: str
    axes: tuple[str, ...] = ()
    source: str = ""

    @property
    def width(self) -> int:
        """Numbers per frame."""
        return max(1, len(self.axes))

    def entry(self) -> dict[str, Any]:
        """Return the feature's entry in info.json."""
        names = {"axes": list(self.axes)} if self.axes else None
        return {"dtype": self.dtype, "shape": [self.width], "names": names}


def _copied(axes: tuple[str, ...], source: str) -> Feature:
    return Feature(dtype="float32", axes=axes, source=source)


STATE, ACTION = "observation/robot_state", "action"
FEATURES: dict[str, Feature] = {
    "is_first": Feature(dtype="bool"),
    "is_last": Feature(dtype="bool"),
    "is_terminal": Feature(dtype="bool"),
    "language_instruction": Feature(dtype="string"),
    "observation.state.gripper_position": _copied(GRIPPER, f"{STATE}/gripper_position"),
    "observation.state.cartesian_position": _copied(POSE, f"{STATE}/cartesian_position"),
    "observation.state.joint_position": _copied(JOINTS, f"{STATE}/joint_positions"),
    "observation.state": Feature(dtype="float32", axes=JOINTS + GRIPPER),
    "action.gripper_position": _copied(GRIPPER, f"{ACTION}/gripper_position"),
    "action.gripper_velocity": _copied(GRIPPER, f"{ACTION}/gripper_velocity"),
    "action.cartesian_position": _copied(POSE, f"{ACTION}/cartesian_position"),
    "action.cartesian_velocity": _copied(POSE, f"{ACTION}/cartesian_velocity"),
    "action.joint_position": _copied(JOINTS, f"{ACTION}/joint_position"),
    "action.joint_velocity": _copied(JOINTS, f"{ACTION}/joint_velocity"),
    "action": Feature(dtype="float32", axes=JOINTS + GRIPPER),
    "discount": Feature(dtype="float32"),
    "reward": Feature(dtype="float32"),
    "building": Feature(dtype="string"),
    "collector_id": Feature(dtype="string"),
    "date": Feature(dtype="string"),
    **{
        f"camera_extrinsics.{name}": Feature(dtype="float32", axes=POSE)
        for name in CAMERA_NAMES.values()
    },
    "is_episode_successful": Feature(dtype="bool"),
}
"""Every column but the videos and LeRobot's own indices."""


def episode_values(handle: EpisodeHandle) -> Values:
    """Return every feature of an episode: (T,) or (T, width), strings as lists.

    The state is checked for units; raises ArmchairError for damage and missing datasets.
    """
    rows, values = len(handle.states()), _copies(handle)
    for name, values_of in values.items():
        if len(values_of) != rows:
            found = f"{name}: {len(values_of)} of {rows} rows"
            raise BadFileError(handle.path / TRAJECTORY, found, COPY_AGAIN)
    for name in ("observation.state", "action"):
        parts = [values[f"{name}.joint_position"], values[f"{name}.gripper_position"]]
        values[name] = np.column_stack(parts)
    success = bool(handle.metadata.get("success"))
    last = np.arange(rows) == rows - 1
    constant = np.full(rows, success)
    texts = {
        "language_instruction": handle.metadata.get("current_task"),
        "building": handle.metadata.get("building"),
        "collector_id": handle.metadata.get("user_id"),
        "date": handle.metadata.get("date"),
    }
    return {
        **values,
        "is_first": np.arange(rows) == 0,
        "is_last": last,
        "is_terminal": last,
        "discount": np.ones(rows, np.float32),
        "reward": (last & constant).astype(np.float32),
        "is_episode_successful": constant,
        **{name: [str(text or "")] * rows for name, text in texts.items()},
    }


def _copies(handle: EpisodeHandle) -> dict[str, NDArray[np.float32]]:
    sources = {name: (f.source, f.axes) for name, f in FEATURES.items() if f.source}
    known = serials(handle)
    for role in ROLES:
        if role not in known:
            raise BadFileError(handle.path, f"metadata lack {role}_cam_serial", "Fill it in")
        path = f"observation/camera_extrinsics/{known[role]}_left"
        sources[f"camera_extrinsics.{CAMERA_NAMES[role]}"] = (path, POSE)
    with open_trajectory(handle.path / TRAJECTORY) as file:
        return {
            name: read_rows(file, path, (len(axes),) if len(axes) > 1 else ()).astype(np.float32)
            for name, (path, axes) in sources.items()
        }

"""What can be wrong with metadata_<uuid>.json, by itself and beside its folder."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, TypeGuard

import numpy as np

from armchair.episode import OUTCOMES
from armchair.episode_table import METADATA, VERSION_FIELDS
from armchair.worldmodel.data.cameras import ROLES
from armchair.worldmodel.data.episodes import EpisodeHandle
from armchair.worldmodel.data.problems import Problem
from armchair.worldmodel.data.ranges import range_problems

KINDS: dict[str, type] = {"success": bool, "trajectory_length": int} | {
    name: str
    for name in METADATA
    if name.endswith(("_path", "_serial")) or name in ("uuid", "lab", "date", "current_task")
}


ENDINGS = {"hdf5_path": (".h5",), "mp4_path": (".mp4",), "svo_path": (".svo", ".svo2")}
"""What a path must end in, by the end of its field's name."""


def metadata_problems(handle: EpisodeHandle) -> Iterator[Problem]:
    """Yield every problem of the metadata; raises BadFileError if there are none to read."""
    fields, path = handle.metadata, handle.path
    missing = [name for name in METADATA if fields.get(name) is None]
    if not any(fields.get(name) for name in VERSION_FIELDS):
        missing.append(" or ".join(VERSION_FIELDS))
    if missing:
        yield Problem(path, f"metadata lack or leave null: {', '.join(missing)}", "Fill them in")
    yield from _fields(handle)
    if any(character in str(fields.get("uuid")) for character in "_."):
        yield Problem(path, f"uuid {fields['uuid']!r} holds _ or .", "Take + and - instead")
    if any(character.isspace() for character in "".join(path.absolute().parts[-4:])):
        found = "a space in the path, at which other readers' lists of episodes are split"
        yield Problem(path, found, "Rename the folder, _ for each space")
    outcome = path.absolute().parent.parent.name
    if outcome in OUTCOMES and fields.get("success") not in (None, outcome == "success"):
        found = f"lies under {outcome} but metadata say success = {fields['success']}"
        yield Problem(path, found, "Move the folder or correct the metadata")
    yield from _cameras(handle)
    yield from _left_is_left(handle)


def _fields(handle: EpisodeHandle) -> Iterator[Problem]:
    """Yield fields of another type than they should be, and paths to something else."""
    for name in METADATA:
        value, kind = handle.metadata.get(name), KINDS.get(name)
        ending = next((ending for part, ending in ENDINGS.items() if name.endswith(part)), None)
        if value is None:
            continue
        if kind is not None and type(value) is not kind:
            found = f"metadata field {name} is {value!r:.60}, expected a {kind.__name__}"
            yield Problem(handle.path, found, "Correct the metadata")
        elif isinstance(value, str) and ending is not None and not value.endswith(ending):
            found = f"metadata field {name} is {value!r:.120}, expected a path to *{ending[0]}"
            yield Problem(handle.path, found, "Correct the metadata")


def _cameras(handle: EpisodeHandle) -> Iterator[Problem]:
    fields, fix = handle.metadata, "Correct the metadata"
    for role in ROLES:
        serial, pose = fields.get(f"{role}_cam_serial"), fields.get(f"{role}_cam_extrinsics")
        if serial is not None and not str(serial).isdecimal():
            found = f"{role}_cam_serial is {serial!r:.60}, expected digits"
            yield Problem(handle.path, found, fix)
        name = fields.get(f"{role}_mp4_path")
        if isinstance(name, str) and PurePosixPath(name).name != f"{serial}.mp4":
            found = f"{role}_mp4_path is {name!r:.120}, expected …/{serial}.mp4"
            yield Problem(handle.path, found, fix)
        if pose is not None:
            yield from _pose(handle, f"{role}_cam_extrinsics", pose)
    seen = [fields.get(f"{role}_cam_serial") for role in ROLES]
    if None not in seen and (len(set(map(str, seen))) < 3 or str(seen[1]) > str(seen[2])):
        found = f"serials {seen}, expected three, that of ext1 smaller than that of ext2"
        yield Problem(handle.path, found, fix)
    outside = [fields.get("ext1_mp4_path"), fields.get("ext2_mp4_path")]
    named = [fields.get("left_mp4_path"), fields.get("right_mp4_path")]
    if None not in (*outside, *named) and sorted(map(str, named)) != sorted(map(str, outside)):
        found = f"left and right MP4 are {named}, exterior cameras' are {outside}"
        yield Problem(handle.path, found, fix)


def _pose(handle: EpisodeHandle, name: str, pose: Any) -> Iterator[Problem]:
    if not _is_pose(pose):
        found = f"{name} is {pose!r:.60}, expected 6 numbers: metres and radians"
        yield Problem(handle.path, found, "Correct the metadata")
        return
    for found, fix in range_problems("observation/camera_extrinsics/", np.array([pose])):
        yield Problem(handle.path, f"{name}: {found}", fix)


def _is_pose(pose: Any) -> TypeGuard[list[float]]:
    return (
        isinstance(pose, list)
        and len(pose) == 6
        and all(type(number) in (int, float) and math.isfinite(number) for number in pose)
    )


def _left_is_left(handle: EpisodeHandle) -> Iterator[Problem]:
    """Left is the exterior camera with the larger y in the base frame at row 0."""
    y = {}
    for role in ("ext1", "ext2"):
        pose = handle.metadata.get(f"{role}_cam_extrinsics")
        serial = handle.metadata.get(f"{role}_cam_serial")
        if _is_pose(pose) and serial is not None:
            y[str(serial)] = float(pose[1])
    if len(y) == 2 and handle.camera_serial != max(y, key=lambda serial: y[serial]):
        found = f"left_mp4_path names {handle.camera_serial}, exterior cameras' y are {y}"
        yield Problem(handle.path, found, "Left is the exterior camera with the larger y")

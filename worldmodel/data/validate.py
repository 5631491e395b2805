"""Everything that can be wrong with an episode on disk, as a list; what `armchair inspect` prints.

Works from the same tables as the writer. Datasets beyond the tables are no problem: real DROID
files hold more. A camera whose MP4 is absent was not rendered, which only the left one must be.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import h5py
import numpy as np

from armchair.episode import OUTCOMES
from armchair.episode_names import LAB, MP4_FOLDER, TRAJECTORY
from armchair.episode_table import ATTRIBUTES, METADATA, VERSION_FIELDS, Dataset, datasets
from armchair.errors import ArmchairError, BadFileError
from armchair.worldmodel.data import video
from armchair.worldmodel.data.episodes import EpisodeHandle
from armchair.worldmodel.data.trajectory import COPY_AGAIN, open_trajectory, read_dataset

ROLES = ("wrist", "ext1", "ext2")
KINDS = {"float64": "f", "int64": "iu", "bool": "biu"}
"""Kinds of number that count as the table's: real files hold flags as integers, too."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, where, and what to do about it."""

    path: Path
    found: str
    fix: str = COPY_AGAIN

    def __str__(self) -> str:
        return f"{self.path}: {self.found}. {self.fix}"

    @classmethod
    def of(cls, error: ArmchairError, path: Path) -> Problem:
        """Return what an error says; `path` is the file where the error does not name one."""
        if isinstance(error, BadFileError):
            return cls(Path(str(error.path)), error.found, error.fix)
        return cls(path, str(error).removeprefix(f"{path}: ").rstrip("."))


def validate_episode(path: Path) -> list[Problem]:
    """Return every problem of one episode folder; decodes every frame. Raises nothing."""
    handle = EpisodeHandle(Path(path))
    problems: list[Problem] = []
    for check in (_metadata, _trajectory, _states, _videos):
        try:
            for problem in check(handle):
                problems.append(problem)  # what was found before an error counts
        except ArmchairError as error:
            problems.append(Problem.of(error, handle.path / TRAJECTORY))
    return list(dict.fromkeys(problems))


def serials(handle: EpisodeHandle) -> dict[str, str]:
    """Return the cameras' serials by role, as far as the metadata name them."""
    names = {role: handle.metadata.get(f"{role}_cam_serial") for role in ROLES}
    return {role: str(name) for role, name in names.items() if name is not None}


def video_path(handle: EpisodeHandle, role: str) -> Path | None:
    """Return where a camera's MP4 is or would be; None if the metadata do not name it."""
    name = handle.metadata.get(f"{role}_mp4_path")
    return handle.path / MP4_FOLDER / PurePosixPath(name).name if isinstance(name, str) else None


def _metadata(handle: EpisodeHandle) -> Iterator[Problem]:
    fields, path = handle.metadata, handle.path
    missing = [name for name in METADATA if fields.get(name) is None]
    if not any(fields.get(name) for name in VERSION_FIELDS):
        missing.append(" or ".join(VERSION_FIELDS))
    if missing:
        yield Problem(path, f"metadata lack or leave null: {', '.join(missing)}", "Fill them in")
    if any(character in str(fields.get("uuid")) for character in "_."):
        yield Problem(path, f"uuid {fields['uuid']!r} holds _ or .", "Take + and - instead")
    outcome = path.absolute().parent.parent.name
    if outcome in OUTCOMES and fields.get("success") not in (None, outcome == "success"):
        found = f"lies under {outcome} but metadata say success = {fields['success']}"
        yield Problem(path, found, "Move the folder or correct the metadata")
    yield from _left_is_left(handle)


def _left_is_left(handle: EpisodeHandle) -> Iterator[Problem]:
    """Left is the exterior camera with the larger y in the base frame at row 0."""
    y = {}
    for role in ("ext1", "ext2"):
        pose = handle.metadata.get(f"{role}_cam_extrinsics")
        serial = handle.metadata.get(f"{role}_cam_serial")
        if isinstance(pose, list) and len(pose) == 6 and serial is not None:
            y[str(serial)] = float(pose[1])
    if len(y) == 2 and handle.camera_serial != max(y, key=lambda serial: y[serial]):
        found = f"left_mp4_path names {handle.camera_serial}, exterior cameras' y are {y}"
        yield Problem(handle.path, found, "Left is the exterior camera with the larger y")


def _trajectory(handle: EpisodeHandle) -> Iterator[Problem]:
    path = handle.path / TRAJECTORY
    with open_trajectory(path) as file:
        missing = [name for name in ATTRIBUTES if name not in file.attrs]
        if missing:
            yield Problem(path, f"lacks attributes {', '.join(missing)}")
        rows = _row_count(file)
        stated = handle.metadata.get("trajectory_length")
        if stated is not None and stated != rows:
            yield Problem(path, f"{rows} rows, metadata say trajectory_length {stated}")
        ours = handle.metadata.get("lab") == LAB
        for row in datasets(tuple(serials(handle).values())):
            if ours or not row.optional or row.path in file:
                yield from _dataset(file, row, rows)


def _row_count(file: h5py.File) -> int:
    return len(read_dataset(file, "observation/robot_state/cartesian_position"))


def _dataset(file: h5py.File, row: Dataset, rows: int) -> Iterator[Problem]:
    path = Path(file.filename)
    try:
        values = read_dataset(file, row.path)
    except BadFileError as error:
        yield Problem.of(error, path)
        return
    if values.shape != (rows, *row.tail) or values.dtype.kind not in KINDS[row.dtype]:
        wanted = f"{row.dtype} {(rows, *row.tail)}"
        yield Problem(path, f"{row.path} is {values.dtype} {values.shape}, expected {wanted}")
    elif values.dtype.kind == "f" and not np.isfinite(values).all():
        place = np.argwhere(~np.isfinite(values))[0].tolist()
        yield Problem(path, f"{row.path} is {values[tuple(place)]} at row {place[0]}")
    elif row.path.endswith("_velocity") and values.size and np.abs(values).max() > 1 + 1e-6:
        found = f"{row.path} reaches {np.abs(values).max():.4g}, expected [-1, 1]"
        yield Problem(path, found, "Divide by the step limits")


def _states(handle: EpisodeHandle) -> Iterator[Problem]:
    handle.states()  # raises what is wrong with units and values
    yield from ()


def _videos(handle: EpisodeHandle) -> Iterator[Problem]:
    paths = [video_path(handle, role) for role in ROLES]
    rendered = {path for path in paths if path is not None and path.exists()}
    for path in sorted(rendered | {handle.video_path}):
        try:
            yield from _video(path, handle)
        except ArmchairError as error:
            yield Problem.of(error, path)


def _video(path: Path, handle: EpisodeHandle) -> Iterator[Problem]:
    index = video.index_video(path)
    with open_trajectory(handle.path / TRAJECTORY) as file:
        rows = _row_count(file)
    if len(index) != rows:
        yield Problem(path, f"{len(index)} frames for {rows} rows")
    for _ in video.iter_rows(path, index, range(len(index))):
        pass
    sidecar = path.with_name(f"{path.stem}_timestamps.json")
    times = _json(sidecar)
    if not isinstance(times, list) or len(times) != len(index):
        found = f"holds {len(times) if isinstance(times, list) else 'no list of'} times"
        yield Problem(sidecar, f"{found}, expected one for each of {len(index)} frames")


def _json(path: Path) -> Any:
    if not path.is_file():
        raise BadFileError(path, "the file is missing", COPY_AGAIN)
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise BadFileError(path, f"not JSON ({error})", COPY_AGAIN) from error

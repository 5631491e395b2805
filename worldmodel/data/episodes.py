"""Episodes as sequences of states and left-camera frames: what training and evaluation read.

Rows are 15 Hz by definition of the format: strides are taken by real time, never by the frame
rate in an MP4 header (released DROID files say 60). All damage raises BadFileError or
BadValueError with one line; nothing is retried or skipped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, overload

import h5py
import numpy as np
from numpy.typing import NDArray

from armchair.episode import ROWS_PER_SECOND
from armchair.episode_names import MP4_FOLDER, TRAJECTORY
from armchair.errors import BadFileError, BadValueError
from armchair.poses import check_states
from armchair.worldmodel.data import video
from armchair.worldmodel.data.find import find_episodes
from armchair.worldmodel.data.trajectory import COPY_AGAIN, holds, open_trajectory, read_rows
from armchair.worldmodel.data.units import check_gripper_unit

STATE = "observation/robot_state"


@dataclass(frozen=True)
class EpisodeHandle:
    """One episode on disk; opened only while something is read from it, so it can be pickled."""

    path: Path

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """The one metadata_*.json; raises BadFileError if it is missing, doubled or no JSON."""
        return read_metadata(self.path)

    @property
    def video_path(self) -> Path:
        """MP4 of the left exterior camera."""
        return self.path / MP4_FOLDER / f"{self.camera_serial}.mp4"

    @property
    def camera_serial(self) -> str:
        """Serial of the left exterior camera, the one that frames come from."""
        name = self.metadata.get("left_mp4_path")
        if not isinstance(name, str) or not name.endswith(".mp4"):
            raise BadFileError(
                self.path, f"metadata field left_mp4_path is {name!r}", "Name the left camera's MP4"
            )
        return PurePosixPath(name).stem

    @cached_property
    def length(self) -> int:
        """Rows in trajectory.h5, which must be as many as the left camera's frames."""
        return len(self.states())

    def __len__(self) -> int:
        return self.length

    @property
    def seconds(self) -> float:
        """Duration: rows / 15 Hz."""
        return self.length / ROWS_PER_SECOND

    def states(self) -> NDArray[np.float64]:
        """Return states (T, 7): flange in base, metres and radians, gripper 0 open … 1 closed."""
        path = self.path / TRAJECTORY
        with open_trajectory(path) as file:
            pose = read_rows(file, f"{STATE}/cartesian_position", (6,))
            gripper = read_rows(file, f"{STATE}/gripper_position", ())
            command = _command(file)
        if len(pose) != len(gripper) or not len(pose):
            raise BadFileError(
                path, f"{len(pose)} poses but {len(gripper)} gripper values", COPY_AGAIN
            )
        states = check_states(np.column_stack([pose, gripper]), path)
        check_gripper_unit(gripper, command, path)
        return states

    def extrinsics(self) -> NDArray[np.float64]:
        """Return the left camera's poses (T, 6) in the base frame, metres and Euler radians."""
        name = f"observation/camera_extrinsics/{self.camera_serial}_left"
        with open_trajectory(self.path / TRAJECTORY) as file:
            return read_rows(file, name, (6,))

    @cached_property
    def video_index(self) -> video.VideoIndex:
        """Frame times of the left video; raises BadFileError unless there is a frame per row."""
        index = video.index_video(self.video_path)
        if len(index) != self.length:
            raise BadFileError(
                self.video_path, f"{len(index)} frames for {self.length} rows", COPY_AGAIN
            )
        return index

    def frames(self, rows: Sequence[int]) -> NDArray[np.uint8]:
        """Return left-camera frames (n, height, width, 3) RGB of rows in any order."""
        return video.read_rows(self.video_path, self.video_index, rows)

    def iter_frames(self, stride: int = 1) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Yield (row, frame) of every `stride`-th row in one pass; for building stores."""
        rows = range(0, len(self.video_index), stride)
        yield from zip(rows, video.iter_rows(self.video_path, self.video_index, rows), strict=True)

    def rows_every(self, seconds: float) -> range:
        """Return the rows one model step of `seconds` apart (to the nearest row), from row 0."""
        return range(0, self.length, rows_per_step(seconds))


class DroidEpisodes(Sequence[EpisodeHandle]):
    """All episodes under a data folder, a lab folder or one episode folder, sorted by path.

    Raises BadFileError where there is none. Episodes are opened when they are read.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)
        self._handles = tuple(EpisodeHandle(path) for path in find_episodes(self.root))

    def __len__(self) -> int:
        return len(self._handles)

    @overload
    def __getitem__(self, index: int) -> EpisodeHandle: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[EpisodeHandle]: ...
    def __getitem__(self, index: int | slice) -> EpisodeHandle | Sequence[EpisodeHandle]:
        return self._handles[index]


def rows_per_step(seconds: float) -> int:
    """Return how many rows a model step of `seconds` spans, to the nearest row, at least one."""
    if not 0 < seconds < float("inf"):
        raise BadValueError(f"seconds per step {seconds} must be positive, 0.27 say.")
    return max(1, round(seconds * ROWS_PER_SECOND))


def read_metadata(folder: Path) -> dict[str, Any]:
    """Return metadata_<uuid>.json of an episode folder; raises BadFileError."""
    names = sorted(path for path in folder.glob("*.json") if path.is_file())
    if len(names) != 1:
        found = f"{len(names)} *.json files, expected one metadata_<uuid>.json"
        raise BadFileError(folder, found, COPY_AGAIN)
    try:
        fields = json.loads(names[0].read_text())
    except (ValueError, RecursionError, OSError) as error:
        raise BadFileError(names[0], f"not JSON ({error})", COPY_AGAIN) from error
    if not isinstance(fields, dict):
        raise BadFileError(names[0], f"holds a {type(fields).__name__}, not fields", COPY_AGAIN)
    return fields


def _command(file: h5py.File) -> NDArray[np.float64] | None:
    name = "action/gripper_position"
    return read_rows(file, name, ()) if holds(file, name) else None

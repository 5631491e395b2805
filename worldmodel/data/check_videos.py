"""What can be wrong with an episode's videos and their timestamps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from armchair.episode_names import LAB, TRAJECTORY
from armchair.errors import ArmchairError, BadFileError
from armchair.worldmodel.data import video
from armchair.worldmodel.data.cameras import rendered
from armchair.worldmodel.data.check_trajectory import row_count
from armchair.worldmodel.data.episodes import EpisodeHandle
from armchair.worldmodel.data.problems import Problem
from armchair.worldmodel.data.ranges import NEWEST_MS, OLDEST_MS
from armchair.worldmodel.data.trajectory import COPY_AGAIN, open_trajectory


def video_problems(handle: EpisodeHandle) -> Iterator[Problem]:
    """Yield every problem of the cameras that were rendered; decodes every frame.

    The left camera must be there; another whose MP4 is absent was not rendered.
    """
    with open_trajectory(handle.path / TRAJECTORY) as file:
        rows = row_count(file)
    for path in sorted({*rendered(handle).values(), handle.video_path}):
        for check in (_frames, _sidecar):
            try:
                yield from check(path, rows, handle)
            except ArmchairError as error:
                yield Problem.of(error, path)


def _frames(path: Path, rows: int, handle: EpisodeHandle) -> Iterator[Problem]:
    index = video.index_video(path)
    if len(index) != rows:
        yield Problem(path, f"{len(index)} frames for {rows} rows")
    for _ in video.iter_rows(path, index, range(len(index))):
        pass


def _sidecar(path: Path, rows: int, handle: EpisodeHandle) -> Iterator[Problem]:
    """<serial>_timestamps.json: ours always write it, most released files lack it."""
    sidecar = path.with_name(f"{path.stem}_timestamps.json")
    if not path.is_file() or (handle.metadata.get("lab") != LAB and not sidecar.exists()):
        return
    times = _json(sidecar)
    if not isinstance(times, list) or len(times) != rows:
        found = f"holds {len(times) if isinstance(times, list) else 'no list of'} times"
        yield Problem(sidecar, f"{found}, expected one for each of {rows} frames")
    elif not all(type(time) in (int, float) and OLDEST_MS <= time <= NEWEST_MS for time in times):
        yield Problem(sidecar, "holds something else than ms since 1970", "Convert it to ms")
    elif any(later < time for time, later in pairwise(times)):
        yield Problem(sidecar, "its times run backwards")


def _json(path: Path) -> Any:
    if not path.is_file():
        raise BadFileError(path, "the file is missing", COPY_AGAIN)
    try:
        return json.loads(path.read_text())
    except (ValueError, RecursionError, OSError) as error:
        raise BadFileError(path, f"not JSON ({error})", COPY_AGAIN) from error

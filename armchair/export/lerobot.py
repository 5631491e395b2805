"""A DROID folder out as a LeRobotDataset v3: whole, by one rename, or not at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from armchair.episode import ROWS_PER_SECOND
from armchair.errors import BadFileError, BadValueError, check_seed
from armchair.export import statistics
from armchair.export.features import CAMERA_NAMES, Values, episode_values
from armchair.export.info import dataset_info, video_key
from armchair.export.statistics import Statistics
from armchair.export.tables import (
    FrameTable,
    arrow,
    write_episodes,
    write_tasks,
)
from armchair.export.videos import FILE, VideoJoin
from armchair.worldmodel.data import video
from armchair.worldmodel.data.cameras import rendered
from armchair.worldmodel.data.episodes import EpisodeHandle
from armchair.worldmodel.optimisation import atomic


@dataclass(frozen=True, kw_only=True)
class ExportConfig:
    """What of the episodes is exported."""

    cameras: tuple[str, ...] = ()
    """Roles out of wrist, ext1, ext2; by default those that every episode has rendered."""
    colour_frames: int = 16
    """Frames per episode and camera that the colours' statistics are taken from."""
    seed: int = 0
    """Decides which frames those are."""

    def __post_init__(self) -> None:
        if unknown := set(self.cameras) - set(CAMERA_NAMES):
            raise BadValueError(f"cameras {sorted(unknown)}: expected {', '.join(CAMERA_NAMES)}.")
        check_seed(self.seed)
        if self.colour_frames < 1:
            raise BadValueError(f"colour_frames is {self.colour_frames}, expected 1 or more.")


@dataclass
class _Progress:
    """What has been written so far."""

    frames: int = 0
    tasks: list[str] = field(default_factory=list)
    episodes: list[dict[str, Any]] = field(default_factory=list)
    statistics: list[dict[str, Statistics]] = field(default_factory=list)
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)


def export(
    handles: Sequence[EpisodeHandle],
    out: Path,
    config: ExportConfig,
    on_episode: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Write the dataset into the folder `out` and return its info.json.

    Raises BadFileError if `out` exists or an episode is damaged or lacks a camera; then nothing
    is left behind.
    """
    arrow()
    if out.exists():
        raise BadFileError(out, "exists already", "Delete it or choose another --out")
    cameras = common_cameras(handles, config)
    with _alone(out):
        temporary = out.with_name(f".{out.name}.partial")
        shutil.rmtree(temporary, ignore_errors=True)  # of a killed run
        try:
            with atomic.one_line_when_full(out, "it begins anew"):
                info = _write(handles, temporary, cameras, config, on_episode)
            temporary.rename(out)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return info


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Keep other exports to `out` away; raises `BadFileError` if one is at work."""
    out.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(out.with_name(f".{out.name}.lock"))
    try:
        with lock.acquire(timeout=0):
            try:
                yield
            finally:
                Path(lock.lock_file).unlink(missing_ok=True)
    except Timeout as error:
        raise BadFileError(out, "another export writes it", "Choose another --out") from error


def common_cameras(handles: Sequence[EpisodeHandle], config: ExportConfig) -> tuple[str, ...]:
    """Return the roles to export; raises BadFileError for an episode that lacks one."""
    wanted = set(config.cameras or CAMERA_NAMES)
    for handle in handles:
        missing = wanted - set(rendered(handle))
        if missing and config.cameras:
            found = f"camera {', '.join(sorted(missing))} was not rendered"
            raise BadFileError(handle.path, found, "Leave it out of --cameras")
        wanted -= missing
    if not wanted:
        found = "no camera is rendered in every episode"
        raise BadFileError(handles[0].path.parent, found, "Export a folder with one in common")
    return tuple(role for role in CAMERA_NAMES if role in wanted)


def _write(
    handles: Sequence[EpisodeHandle],
    root: Path,
    cameras: tuple[str, ...],
    config: ExportConfig,
    on_episode: Callable[[], None],
) -> dict[str, Any]:
    done = _Progress()
    with ExitStack() as stack:
        table = stack.enter_context(closing(FrameTable(root / "data")))
        joins = {
            role: stack.enter_context(closing(VideoJoin(root / "videos" / video_key(role))))
            for role in cameras
        }
        for number, handle in enumerate(handles):
            _episode(number, handle, done, table, joins, config)
            on_episode()
    write_episodes(
        root / "meta/episodes" / f"{FILE.format(chunk=0, file=0)}.parquet", done.episodes
    )
    write_tasks(root / "meta/tasks.parquet", done.tasks)
    together = {
        name: statistics.combined([found[name] for found in done.statistics])
        for name in done.statistics[0]
    }
    info = dataset_info(
        episodes=len(done.episodes),
        frames=done.frames,
        tasks=len(done.tasks),
        sizes={role: done.sizes[role] for role in cameras},
    )
    _json(root / "meta/info.json", info)
    _json(root / "meta/stats.json", {n: _plain(found) for n, found in together.items()})
    return info


def _episode(
    number: int,
    handle: EpisodeHandle,
    done: _Progress,
    table: FrameTable,
    joins: dict[str, VideoJoin],
    config: ExportConfig,
) -> None:
    values = episode_values(handle)
    rows, task = len(values["is_first"]), values["language_instruction"][0]
    if task not in done.tasks:
        done.tasks.append(task)
    values |= _indices(number, rows, done.frames, done.tasks.index(task))
    chunk, file = table.append(values)
    entry: dict[str, Any] = {
        "episode_index": number,
        "tasks": [task],
        "length": rows,
        "data/chunk_index": chunk,
        "data/file_index": file,
        "dataset_from_index": done.frames,
        "dataset_to_index": done.frames + rows,
    }
    found = {name: statistics.of_values(value) for name, value in _numbers(values).items()}
    for role, join in joins.items():
        found[video_key(role)] = _colours(handle, role, rows, done, (config, number))
        span = join.append(rendered(handle)[role])
        key = f"videos/{video_key(role)}"
        entry |= {f"{key}/chunk_index": span.chunk, f"{key}/file_index": span.file}
        entry |= {f"{key}/from_timestamp": span.start_s, f"{key}/to_timestamp": span.end_s}
    for name, one in found.items():
        entry |= {f"stats/{name}/{kind}": value for kind, value in one.items()}
    entry |= {"meta/episodes/chunk_index": 0, "meta/episodes/file_index": 0}
    done.frames += rows
    done.episodes.append(entry)
    done.statistics.append(found)


def _colours(
    handle: EpisodeHandle, role: str, rows: int, done: _Progress, draw: tuple[ExportConfig, int]
) -> Statistics:
    config, number = draw
    path = rendered(handle)[role]
    index = video.index_video(path)
    if len(index) != rows:
        found = f"{len(index)} frames for {rows} rows"
        raise BadFileError(path, found, "Run `armchair inspect` on the folder")
    known = done.sizes.setdefault(role, index.size)
    if known != index.size:
        found = f"frames of {index.width}×{index.height}, others of {known[0]}×{known[1]} pixels"
        raise BadFileError(path, found, "LeRobot wants one size: export the sizes apart")
    generator = np.random.default_rng([config.seed, number])
    chosen = generator.choice(rows, min(rows, config.colour_frames), replace=False)
    return statistics.of_pictures(video.read_rows(path, index, np.sort(chosen).tolist()), rows)


def _indices(number: int, rows: int, first: int, task: int) -> Values:
    frames = np.arange(rows)
    return {
        "timestamp": (frames / ROWS_PER_SECOND).astype(np.float32),
        "frame_index": frames,
        "episode_index": np.full(rows, number),
        "index": first + frames,
        "task_index": np.full(rows, task),
    }


def _numbers(values: Values) -> dict[str, Any]:
    return {name: value for name, value in values.items() if not isinstance(value, list)}


def _plain(found: Statistics) -> dict[str, Any]:
    return {name: value.tolist() for name, value in found.items()}


def _json(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=4) + "\n")

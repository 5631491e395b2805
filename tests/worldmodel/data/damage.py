"""Damage of every kind, drawn from a seed, to one tiny episode; works in a child process."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from armchair.episode_table import ATTRIBUTES, METADATA, datasets
from armchair.errors import ArmchairError
from armchair.sim.droid_video import encode_mp4
from armchair.sim.droid_writer import write_episode
from armchair.worldmodel.data.episodes import DroidEpisodes
from armchair.worldmodel.data.summary import inspect_episode
from tests.factories import LEFT_ROLE, SERIALS, make_episode, smooth_frames

ROWS = 12
MP4 = f"recordings/MP4/{SERIALS[LEFT_ROLE]}.mp4"
SIDECAR = f"recordings/MP4/{SERIALS[LEFT_ROLE]}_timestamps.json"
TRAJECTORY = "trajectory.h5"
TABLE = datasets(tuple(SERIALS.values()))
DEGREES, MILLI = np.degrees(1.0), 1000.0

Draw = np.random.Generator
Damage = Callable[[Path, Draw], str]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one damaged episode.

    `visible`: damage of a kind that the schema can see; `problems`: what `inspect` listed;
    `readable`: the reader gave states and frames; `complaint`: what the reader raised instead.
    """

    what: str
    visible: bool
    problems: tuple[str, ...]
    readable: bool
    complaint: str = ""


def damaged_outcome(seed: int) -> Outcome:
    """Damage a fresh copy, send it through `inspect` and the reader, and remove it."""
    draw = np.random.default_rng(seed)
    visible, damage = KINDS[int(draw.integers(len(KINDS)))]
    with tempfile.TemporaryDirectory(dir=_memory()) as folder:
        episode = Path(folder, "success/2025-01-01/episode")
        for name, content in _pristine().items():
            path = episode / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        what = damage(episode, draw)
        problems = tuple(str(problem) for problem in inspect_episode(episode).problems)
        readable, complaint = _read(Path(folder))
    return Outcome(
        what=what, visible=visible, problems=problems, readable=readable, complaint=complaint
    )


def _read(folder: Path) -> tuple[bool, str]:
    try:
        (handle,) = DroidEpisodes(folder)
        states, frames = handle.states(), handle.frames(handle.rows_every(0.27))
    except ArmchairError as error:
        return False, str(error)
    assert states.shape == (len(handle), 7)
    assert np.isfinite(states).all()
    assert frames.dtype == np.uint8
    assert frames.shape[0] == -(-len(handle) // 4)
    return True, ""


def _memory() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


@cache
def _pristine() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        episode = write_episode(Path(folder), make_episode(rows=ROWS, size=32))
        files = [path for path in episode.rglob("*") if path.is_file()]
        return {str(path.relative_to(episode)): path.read_bytes() for path in files}


def _file(folder: Path, draw: Draw) -> Path:
    metadata = next(folder.glob("metadata*.json")).name
    return folder / str(draw.choice([TRAJECTORY, TRAJECTORY, MP4, MP4, metadata, SIDECAR]))


def flip_bytes(folder: Path, draw: Draw) -> str:
    """Set some bytes anywhere, or flip one bit near the beginning."""
    path = _file(folder, draw)
    content = bytearray(path.read_bytes())
    if draw.random() < 0.3:
        place = int(draw.integers(min(len(content), 4096)))
        content[place] ^= 1 << int(draw.integers(8))
    else:
        for _ in range(int(draw.choice([1, 2, 8, 64]))):
            content[int(draw.integers(len(content)))] = int(draw.integers(256))
    path.write_bytes(content)
    return f"bytes flipped in {path.name}"


def wipe_bytes(folder: Path, draw: Draw) -> str:
    """Fill a stretch with zeros or ones, as a bad disk does."""
    path = _file(folder, draw)
    content = bytearray(path.read_bytes())
    start = int(draw.integers(len(content)))
    stop = min(len(content), start + int(draw.integers(1, 512)))
    content[start:stop] = bytes([int(draw.choice([0, 255]))]) * (stop - start)
    path.write_bytes(content)
    return f"{stop - start} bytes wiped in {path.name}"


def cut_file(folder: Path, draw: Draw) -> str:
    """Keep the beginning of a file, as a broken copy does."""
    path = _file(folder, draw)
    content = path.read_bytes()
    # A JSON file ends in a line break that nobody misses.
    path.write_bytes(content[: int(draw.integers(len(content) - 1))])
    return f"{path.name} cut to {path.stat().st_size} of {len(content)} bytes"


def remove_file(folder: Path, draw: Draw) -> str:
    """Lose a file."""
    path = _file(folder, draw)
    path.unlink()
    return f"{path.name} removed"


@contextmanager
def _dataset(folder: Path, draw: Draw, names: list[str]) -> Iterator[tuple[str, list[Any]]]:
    """Yield a name and a list that holds its values; what the list holds then is written."""
    name = str(draw.choice(names))
    with h5py.File(folder / TRAJECTORY, "r+") as file:
        values = [file[name][()]]
        yield name, values
        del file[name]
        if values:
            file[name] = values[0]


def drop_dataset(folder: Path, draw: Draw) -> str:
    """Lose a dataset."""
    with _dataset(folder, draw, [row.path for row in TABLE]) as (name, values):
        values.clear()
    return f"{name} dropped"


def change_shape(folder: Path, draw: Draw) -> str:
    """Cut, transpose, flatten or pad a dataset."""
    with _dataset(folder, draw, [row.path for row in TABLE]) as (name, values):
        old = values[0]
        changes = [old[1:], old[None], np.concatenate([old, old]), old[:0], old.reshape(-1)[0]]
        values[0] = changes[int(draw.integers(len(changes)))]
        shape = np.shape(values[0])
    return f"{name} {old.shape} became {shape}"


def change_type(folder: Path, draw: Draw) -> str:
    """Write a dataset as words, complex numbers, or flags and numbers the wrong way round."""
    with _dataset(folder, draw, [row.path for row in TABLE]) as (name, values):
        old = values[0]
        kinds = ["S8", "complex128", "bool" if old.dtype.kind == "f" else "float64"]
        kind = str(draw.choice(kinds))
        values[0] = old.astype(kind)
    return f"{name} became {kind}"


UNITS: dict[str, tuple[float, ...]] = {
    "cartesian_position": (DEGREES, MILLI),
    "joint_position": (DEGREES,),
    "gripper_position": (-85.0, 85.0, 1000.0),
    "camera_extrinsics": (DEGREES, MILLI),
    "camera_intrinsics": (1e-3,),
    "timestamp/c": (1e-3, 1e3),
    "timestamp/robot_state/read": (1e-3, 1e6),
    "action/cartesian_velocity": (75.0,),
}
"""Part of a path, and what its numbers are multiplied by: enough for each to leave its range."""


def change_unit(folder: Path, draw: Draw) -> str:
    """Write degrees, millimetres, widths in millimetres, seconds, shares of a picture."""
    part = str(draw.choice(list(UNITS)))
    factor = float(draw.choice(UNITS[part]))
    names = [row.path for row in TABLE if part in row.path and "skip" not in row.path]
    with _dataset(folder, draw, names) as (name, values):
        values[0] = (values[0] * factor).astype(values[0].dtype)
    return f"{name} times {factor:g}"


def put_no_number(folder: Path, draw: Draw) -> str:
    """Put one NaN or infinity."""
    names = [row.path for row in TABLE if row.dtype == "float64"]
    with _dataset(folder, draw, names) as (name, values):
        value = float(draw.choice([np.nan, np.inf, -np.inf]))
        values[0].reshape(-1)[int(draw.integers(values[0].size))] = value
    return f"{value} in {name}"


def drop_attribute(folder: Path, draw: Draw) -> str:
    """Lose an attribute of the root."""
    name = str(draw.choice(ATTRIBUTES))
    with h5py.File(folder / TRAJECTORY, "r+") as file:
        del file.attrs[name]
    return f"attribute {name} dropped"


def change_metadata(folder: Path, draw: Draw) -> str:
    """Lose a field, leave it null, or write something else."""
    (path,) = folder.glob("metadata*.json")
    fields = json.loads(path.read_text())
    name = str(draw.choice(METADATA))
    if draw.random() < 0.4:
        del fields[name]
    elif draw.random() < 0.5:
        fields[name] = None
    else:
        typed = [n for n in METADATA if n.endswith(("_path", "_cam_serial", "_extrinsics"))]
        name = str(draw.choice([*typed, "success", "trajectory_length", "uuid"]))
        fields[name] = [{}, "a_b", -1, [1, 2]][int(draw.integers(4))]
    path.write_text(json.dumps(fields))
    return f"metadata {name} is {fields.get(name)!r}"


def change_video(folder: Path, draw: Draw) -> str:
    """Replace the video by a shorter or longer one."""
    frames = int(draw.choice([1, ROWS - 1, ROWS + 1, 2 * ROWS]))
    (folder / MP4).write_bytes(encode_mp4(smooth_frames(frames, 32)))
    return f"{frames} frames for {ROWS} rows"


def change_sidecar(folder: Path, draw: Draw) -> str:
    """Write other times beside the video."""
    times = json.loads((folder / SIDECAR).read_text())
    changes: list[Any] = [times[1:], times[::-1], [0.001 * t for t in times], {}, [None] * ROWS]
    choice = int(draw.integers(len(changes)))
    (folder / SIDECAR).write_text(json.dumps(changes[choice]))
    return f"sidecar changed, way {choice}"


def fill_file(folder: Path, draw: Draw) -> str:
    """Put noise in the place of a file."""
    path = _file(folder, draw)
    path.write_bytes(draw.bytes(int(draw.integers(1, 5000))))
    return f"noise as {path.name}"


KINDS: tuple[tuple[bool, Damage], ...] = (
    *([(False, flip_bytes)] * 8),
    *([(False, wipe_bytes)] * 3),
    *([(True, cut_file)] * 4),
    (True, remove_file),
    (True, fill_file),
    *([(True, drop_dataset)] * 3),
    *([(True, change_shape)] * 4),
    *([(True, change_type)] * 2),
    *([(True, change_unit)] * 4),
    *([(True, put_no_number)] * 2),
    (True, drop_attribute),
    *([(True, change_metadata)] * 2),
    (True, change_video),
    (True, change_sidecar),
)
"""Kinds, the frequent ones repeated; True where the schema can always see it."""

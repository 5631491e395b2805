"""Write finished episodes in DROID's raw format: whole or not at all, the same bytes every time.

Everything is built in memory and written into a temporary folder beside the target, which one
rename then puts in place. Readers ignore temporary folders; `clean_leftovers` removes those that
a kill left behind.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from armchair.episode import OUTCOMES, ROWS_PER_SECOND, RecordedEpisode, Simulation
from armchair.episode_names import LAB, MP4_FOLDER, SIMULATION, TRAJECTORY, EpisodeName, index_of
from armchair.episode_table import datasets
from armchair.errors import ArmchairError, BadFileError
from armchair.sim.droid_values import (
    attribute_values,
    dataset_values,
    metadata_values,
    row_times_ms,
)
from armchair.sim.droid_video import encode_mp4

TEMPORARY = ".partial"
"""Temporary folders are called .partial-<host>-<process>-<episode>; readers skip them."""
STALE_SECONDS = 3600.0
"""A temporary folder of another machine is left over when nothing touched it for so long."""
HDF5_VERSIONS = ("v108", "v108")
"""Pinned, so that another HDF5 library writes the same bytes."""


def episode_path(root: Path, index: int, success: bool) -> Path:
    """Return the folder of an episode under `root`."""
    return root / LAB / EpisodeName(index).relative(success)


def existing_indices(root: Path) -> set[int]:
    """Return the indices of the complete episodes under `root`, of either outcome."""
    folders = (folder for outcome in OUTCOMES for folder in (root / LAB).glob(f"{outcome}/*/*"))
    return {index for folder in folders if (index := index_of(folder.name)) is not None}


def write_episode(
    root: Path, episode: RecordedEpisode, *, header_fps: int = ROWS_PER_SECOND
) -> Path:
    """Write one episode and return its folder.

    Raises ArmchairError naming path, free space and fix when the disk refuses, and BadFileError
    when the episode exists; the temporary folder is removed in every case. `header_fps=60` mimics
    the header of released DROID files; rows are 15 Hz all the same.
    """
    target = episode_path(root, episode.index, episode.success)
    temporary = target.parent / f"{TEMPORARY}-{socket.gethostname()}-{os.getpid()}-{target.name}"
    if target.exists():
        raise BadFileError(target, "the episode exists", "Delete it or take another index")
    files = episode_files(episode, header_fps)
    with _explained(root), _removed_on_error(temporary):
        for name, content in files.items():
            path = temporary / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        os.rename(temporary, target)
    return target


def episode_files(episode: RecordedEpisode, header_fps: int = ROWS_PER_SECOND) -> dict[str, bytes]:
    """Return the content of every file of an episode by its path in the episode's folder."""
    name = EpisodeName(episode.index)
    metadata = json.dumps(metadata_values(episode), indent=2, allow_nan=False)
    files = {
        TRAJECTORY: _trajectory(episode),
        SIMULATION: _simulation(episode.simulation),
        name.metadata_file: f"{metadata}\n".encode(),
    }
    for camera in episode.cameras:
        if camera.frames is not None:
            stem = f"{MP4_FOLDER}/{camera.serial}"
            files[f"{stem}.mp4"] = encode_mp4(camera.frames, header_fps)
            times = json.dumps(row_times_ms(episode).tolist())
            files[f"{stem}_timestamps.json"] = times.encode()
    return files


def clean_leftovers(root: Path) -> list[Path]:
    """Remove and return the temporary folders that killed writers left under `root`.

    Spares those of living processes of this machine, and fresh ones of other machines.
    """
    found = sorted(root.glob(f"{LAB}/*/*/{TEMPORARY}-*"))
    leftovers = [folder for folder in found if _is_leftover(folder)]
    for folder in leftovers:
        shutil.rmtree(folder, ignore_errors=True)
    return leftovers


def _is_leftover(folder: Path) -> bool:
    host, _, process = folder.name.removeprefix(f"{TEMPORARY}-").rpartition("-")[0].rpartition("-")
    if host != socket.gethostname():
        try:
            return time.time() - folder.stat().st_mtime > STALE_SECONDS
        except FileNotFoundError:  # its writer has just finished
            return False
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError):
        return True
    except PermissionError:
        return False
    return False


def _memory_file() -> h5py.File:
    return h5py.File("memory", "w", driver="core", backing_store=False, libver=HDF5_VERSIONS)


def _trajectory(episode: RecordedEpisode) -> bytes:
    values = dataset_values(episode)
    with _memory_file() as file:
        file.attrs.update(attribute_values(episode))
        for row in datasets(episode.serials):
            array = np.ascontiguousarray(values.pop(row.path))
            assert array.shape == (len(episode), *row.tail), (row, array.shape)
            file.create_dataset(row.path, data=array.astype(row.dtype), track_times=False)
        assert not values, f"not in the table: {sorted(values)}"
        file.flush()
        return bytes(file.id.get_file_image())


def _simulation(values: Simulation) -> bytes:
    """Arrays become datasets, numbers and strings attributes of the root."""
    with _memory_file() as file:
        for name, value in sorted(values.items()):
            if isinstance(value, np.ndarray):
                file.create_dataset(name, data=value, track_times=False)
            else:
                file.attrs[name] = value
        file.flush()
        return bytes(file.id.get_file_image())


@contextmanager
def _removed_on_error(temporary: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


@contextmanager
def _explained(root: Path) -> Iterator[None]:
    """Turn what the disk says into one line with the fix."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        existing = next(path for path in (root, *root.absolute().parents) if path.exists())
        free_mb = shutil.disk_usage(existing).free / 1e6
        fix = "Make room" if full else "Make the folder writable"
        raise ArmchairError(
            f"{error.filename or root}: cannot write ({error.strerror or error}), {free_mb:.0f} MB "
            f"free. {fix} or choose another folder, then run the same command again; complete "
            "episodes are kept."
        ) from error

"""Datasets out of trajectory.h5, or one line that says what is wrong; part of the DROID reader.

A damaged file makes h5py raise nearly anything, and makes it ask for absurd amounts of memory:
every call into it stands inside `_damage_in`, and nothing is read whose size or type is absurd.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from armchair.errors import BadFileError

COPY_AGAIN = "Copy or record the episode again, or delete its folder"
MAX_BYTES = 256 << 20
"""Largest dataset that is read: ten hours of the widest one at 15 Hz take 80 MB."""
DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError, OverflowError)
"""What h5py raises on damaged files, UnicodeDecodeError (a ValueError) among it."""


@contextmanager
def open_trajectory(path: Path) -> Iterator[h5py.File]:
    """Open trajectory.h5 for reading; raises BadFileError if missing, cut short or not HDF5."""
    if not path.is_file():
        raise BadFileError(path, "the file is missing", COPY_AGAIN)
    with _damage_in(path, f"not a whole HDF5 file of {path.stat().st_size} bytes"):
        file = h5py.File(path, "r", locking=False)
    try:
        yield file
    finally:
        with _damage_in(path, "cannot be closed"):
            file.close()


def read_dataset(file: h5py.File, name: str) -> NDArray[Any]:
    """Return a whole dataset of numbers; raises BadFileError if missing or unreadable."""
    with _damage_in(file.filename, f"dataset {name} is damaged"):
        found = file.get(name)
        numbers = isinstance(found, h5py.Dataset) and found.dtype.kind in "fiub"
        size = found.size * found.dtype.itemsize if numbers else 0
    if not isinstance(found, h5py.Dataset):
        raise BadFileError(file.filename, f"dataset {name} is missing", COPY_AGAIN)
    if not numbers or size > MAX_BYTES:
        with _damage_in(file.filename, f"dataset {name} is damaged"):
            what = f"{found.dtype} {found.shape}"
        raise BadFileError(file.filename, f"dataset {name} is {what}, expected numbers", COPY_AGAIN)
    with _damage_in(file.filename, f"dataset {name} is damaged"):
        return np.asarray(found[()])


def read_rows(file: h5py.File, name: str, tail: tuple[int, ...]) -> NDArray[np.float64]:
    """Return a dataset (T, *tail) as float64; raises BadFileError on another shape or type."""
    values = read_dataset(file, name)
    if values.ndim == 0 or values.shape[1:] != tail or values.dtype.kind not in "fiu":
        shape = ", ".join(map(str, ("T", *tail)))
        raise BadFileError(
            file.filename,
            f"dataset {name} is {values.dtype} {values.shape}, expected numbers ({shape})",
            COPY_AGAIN,
        )
    return values.astype(np.float64)


def holds(file: h5py.File, name: str) -> bool:
    """Return whether a dataset or group of this name exists; raises BadFileError on damage."""
    with _damage_in(file.filename, f"dataset {name} is damaged"):
        return name in file


def dataset_names(file: h5py.File) -> set[str]:
    """Return the paths of all datasets; raises BadFileError on damage."""
    names: list[str] = []

    def note(name: str, found: object) -> None:
        if isinstance(found, h5py.Dataset):
            names.append(name)

    with _damage_in(file.filename, "the tree of datasets is damaged"):
        file.visititems(note)
    return set(names)


def attribute_names(file: h5py.File) -> set[str]:
    """Return the names of the root's attributes; raises BadFileError on damage."""
    with _damage_in(file.filename, "the attributes are damaged"):
        return set(file.attrs)


@contextmanager
def _damage_in(path: object, found: str) -> Iterator[None]:
    try:
        yield
    except DAMAGE as error:
        raise BadFileError(path, f"{found} ({_reason(error)})", COPY_AGAIN) from error


def _reason(error: Exception) -> str:
    """Return HDF5's own words, its brackets dropped: one line."""
    words = str(error).partition("(")[2].rstrip("')\"") or str(error)
    return " ".join(words.split())[:200] or type(error).__name__

"""Datasets out of trajectory.h5, or one line that says what is wrong; part of the DROID reader."""

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


@contextmanager
def open_trajectory(path: Path) -> Iterator[h5py.File]:
    """Open trajectory.h5 for reading; raises BadFileError if missing, cut short or not HDF5."""
    if not path.is_file():
        raise BadFileError(path, "the file is missing", COPY_AGAIN)
    try:
        file = h5py.File(path, "r", locking=False)
    except OSError as error:
        size = path.stat().st_size
        raise BadFileError(
            path, f"not a whole HDF5 file of {size} bytes ({_reason(error)})", COPY_AGAIN
        ) from error
    with file:
        yield file


def _reason(error: Exception) -> str:
    """Return HDF5's own words, its brackets dropped: one line."""
    words = str(error).partition("(")[2].rstrip(")") or str(error)
    return words.splitlines()[0] if words else type(error).__name__


def read_dataset(file: h5py.File, name: str) -> NDArray[Any]:
    """Return a whole dataset; raises BadFileError if it is missing or cannot be read."""
    found = file.get(name)
    if not isinstance(found, h5py.Dataset):
        raise BadFileError(file.filename, f"dataset {name} is missing", COPY_AGAIN)
    try:
        return np.asarray(found[()])
    except (OSError, RuntimeError) as error:
        raise BadFileError(
            file.filename, f"dataset {name} is damaged ({_reason(error)})", COPY_AGAIN
        ) from error


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

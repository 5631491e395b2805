"""What can be wrong with trajectory.h5: datasets, shapes, types, units, times."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from armchair.episode import ROWS_PER_SECOND
from armchair.episode_names import LAB, TRAJECTORY
from armchair.episode_table import ATTRIBUTES, Dataset, datasets
from armchair.errors import BadFileError
from armchair.worldmodel.data.cameras import serials
from armchair.worldmodel.data.episodes import EpisodeHandle
from armchair.worldmodel.data.problems import Problem
from armchair.worldmodel.data.ranges import range_problems
from armchair.worldmodel.data.trajectory import (
    attribute_names,
    holds,
    open_trajectory,
    read_dataset,
)

KINDS = {"float64": "f", "int64": "iu", "bool": "biu"}
"""Kinds of number that count as the table's: real files hold flags as integers, too."""
STARTS = ("step_start", "read_start", "frame_received")
"""Times that never run backwards from row to row."""
CLOCK = "observation/timestamp/control/step_start"
ROW_MS = (40.0, 110.0)
"""Median time between rows: 67 ms by definition; operators' machines keep it loosely."""


def trajectory_problems(handle: EpisodeHandle) -> Iterator[Problem]:
    """Yield every problem of trajectory.h5 but those of the state; raises BadFileError."""
    path = handle.path / TRAJECTORY
    with open_trajectory(path) as file:
        missing = [name for name in ATTRIBUTES if name not in attribute_names(file)]
        if missing:
            yield Problem(path, f"lacks attributes {', '.join(missing)}")
        rows = row_count(file)
        stated = handle.metadata.get("trajectory_length")
        if stated is not None and stated != rows:
            yield Problem(path, f"{rows} rows, metadata say trajectory_length {stated}")
        ours = handle.metadata.get("lab") == LAB
        for row in datasets(tuple(serials(handle).values())):
            if ours or not row.optional or holds(file, row.path):
                yield from _dataset(file, row, rows)


def row_count(file: h5py.File) -> int:
    """Return the rows of an open trajectory.h5: as many as the flange has poses."""
    poses = read_dataset(file, "observation/robot_state/cartesian_position")
    return len(poses) if poses.ndim else 0


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
    else:
        for found, fix in _values(row, values):
            yield Problem(path, found, fix)


def _values(row: Dataset, values: NDArray[Any]) -> Iterator[tuple[str, str]]:
    """Yield (found, fix) for values (T, ...) of the right shape and type."""
    wrong_unit = list(range_problems(row.path, values))
    yield from wrong_unit
    if row.dtype == "bool" and values.dtype.kind != "b" and ((values < 0) | (values > 1)).any():
        yield f"{row.path} holds {values.max()}, expected flags, 0 or 1", "Record it as bool"
    if "camera_intrinsics" in row.path:
        yield from _intrinsics(row.path, values)
    if row.dtype == "int64" and row.path.endswith(STARTS) and not wrong_unit:
        yield from _times(row.path, values)


def _intrinsics(path: str, values: NDArray[Any]) -> Iterator[tuple[str, str]]:
    focal = values[:, [0, 1], [0, 1]]
    if (focal <= 1).any() or not np.allclose(values[:, 2], [0, 0, 1]):
        found = f"{path} is {values[0].tolist()}, expected fx 0 cx, 0 fy cy, 0 0 1 in pixels"
        yield found, "Multiply by the picture's size if they are shares of it"


def _times(path: str, values: NDArray[Any]) -> Iterator[tuple[str, str]]:
    steps = np.diff(values.astype(np.int64))
    if (steps < 0).any():
        row = int(np.argmax(steps < 0))
        yield f"{path} runs backwards by {-steps[row]} ms after row {row}", "Sort the rows"
    elif path == CLOCK and steps.size and not ROW_MS[0] <= np.median(steps) <= ROW_MS[1]:
        median = float(np.median(steps))
        found = f"a row every {median:.0f} ms by {path}, expected {1000 / ROWS_PER_SECOND:.0f}"
        yield found, f"Sample the episode anew at {ROWS_PER_SECOND} Hz"

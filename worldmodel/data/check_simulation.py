"""What can be wrong with simulation.h5, which simulated episodes have: labels for watchers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from armchair.episode_names import FINGER_CONTACTS, HELD, OBJECT_POSE, SIMULATION, TRAJECTORY
from armchair.errors import BadFileError
from armchair.worldmodel.data.check_trajectory import row_count
from armchair.worldmodel.data.episodes import EpisodeHandle
from armchair.worldmodel.data.problems import Problem
from armchair.worldmodel.data.trajectory import holds, open_trajectory, read_dataset

LABELS: dict[str, tuple[int | None, ...]] = {OBJECT_POSE: (7,), FINGER_CONTACTS: (None,), HELD: ()}
"""Labels of each row of trajectory.h5: the rest of their shape, None for any length."""
DAMAGED = "Collect the episode again, or delete the file"


def simulation_problems(handle: EpisodeHandle) -> Iterator[Problem]:
    """Yield every problem of simulation.h5; none where there is no such file, as in real episodes.

    Raises BadFileError where it, or trajectory.h5, is not a whole HDF5 file.
    """
    path = handle.path / SIMULATION
    if not path.exists():
        return
    with open_trajectory(handle.path / TRAJECTORY) as file:
        rows = row_count(file)
    with open_trajectory(path) as file:
        for name, tail in LABELS.items():
            if holds(file, name):
                yield from _label(file, name, (rows, *tail))


def _label(file: h5py.File, name: str, wanted: tuple[int | None, ...]) -> Iterator[Problem]:
    path = Path(file.filename)
    try:
        values: NDArray[Any] = read_dataset(file, name)
    except BadFileError as error:
        yield Problem.of(error, path)
        return
    sizes = zip(values.shape, wanted, strict=False)
    if values.ndim != len(wanted) or any(want not in (None, size) for size, want in sizes):
        shape = str(wanted).replace("None", "any")
        yield Problem(path, f"{name} is {values.shape}, expected {shape}", DAMAGED)
    elif not np.isfinite(values).all():
        place = np.argwhere(~np.isfinite(values))[0].tolist()
        yield Problem(path, f"{name} is {values[tuple(place)]} at row {place[0]}", DAMAGED)

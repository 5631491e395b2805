"""What probes are asked to find in a frame's tokens: labels of recorded episodes, and their errors.

Only watchers read these. No training of a shipped model does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from armchair.episode_names import FINGER_CONTACTS, HELD, OBJECT_POSE, SIMULATION
from armchair.errors import BadFileError
from armchair.poses import euler_to_matrix
from armchair.worldmodel.data.check_simulation import LABELS, simulation_problems
from armchair.worldmodel.data.episodes import EpisodeHandle
from armchair.worldmodel.data.trajectory import holds, open_trajectory, read_dataset

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Target:
    """One thing to find: how many numbers it is, and how wrong a guess of them is."""

    width: int
    unit: str
    error: Callable[[Array, Array], Array]
    """Guess (F, width) and truth (F, width) to errors (F,) in `unit`."""
    binary: bool = False
    """Truth is 0 or 1; the error is wrong (1) or right (0), at a threshold of a half."""


def _distance_cm(guess: Array, truth: Array) -> Array:
    distances: Array = 100 * np.linalg.norm(guess - truth, axis=1)
    return distances


def _absolute(guess: Array, truth: Array) -> Array:
    errors: Array = np.abs(guess - truth).mean(axis=1)
    return errors


def _wrong(guess: Array, truth: Array) -> Array:
    errors: Array = ((guess > 0.5) != (truth > 0.5)).mean(axis=1)
    return errors


def _angle_deg(guess: Array, truth: Array) -> Array:
    """Return the angles between rotations given by their first two columns, (F, 6)."""
    relative = np.einsum("fji,fjk->fik", _orthonormal(guess), _orthonormal(truth))
    cosine = (np.trace(relative, axis1=1, axis2=2) - 1) / 2
    angles: Array = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    return angles


def _orthonormal(six: Array) -> Array:
    """Return rotation matrices (F, 3, 3) whose first two columns are nearest to (F, 6)."""
    first = six[:, :3] / np.maximum(np.linalg.norm(six[:, :3], axis=1, keepdims=True), 1e-9)
    second = six[:, 3:] - (six[:, 3:] * first).sum(1, keepdims=True) * first
    second /= np.maximum(np.linalg.norm(second, axis=1, keepdims=True), 1e-9)
    return np.stack([first, second, np.cross(first, second)], axis=2)


TARGETS = {
    "flange position": Target(width=3, unit="cm", error=_distance_cm),
    "flange rotation": Target(width=6, unit="degrees", error=_angle_deg),
    "gripper": Target(width=1, unit="0 … 1", error=_absolute),
    "object position": Target(width=3, unit="cm", error=_distance_cm),
    "contact": Target(width=1, unit="share wrong", error=_wrong, binary=True),
    "held": Target(width=1, unit="share wrong", error=_wrong, binary=True),
}


def read_labels(episode: EpisodeHandle) -> dict[str, Array]:
    """Return what is known of every row, by target's name, (T, width); real data know no objects.

    `simulation.h5` may hold object_pose (T, 7), finger_contacts (T, fingers), and held (T,). Raises
    `BadFileError` where it cannot be read, or does not fit trajectory.h5.
    """
    states = episode.states()
    rotation = euler_to_matrix(states[:, 3:6])
    labels = {
        "flange position": states[:, :3],
        "flange rotation": np.concatenate([rotation[:, :, 0], rotation[:, :, 1]], axis=1),
        "gripper": states[:, 6:],
    }
    path = episode.path / SIMULATION
    if not path.exists():
        return labels
    for problem in simulation_problems(episode):
        raise BadFileError(problem.path, problem.found, problem.fix)
    with open_trajectory(path) as file:
        sidecar = {name: read_dataset(file, name) for name in LABELS if holds(file, name)}
    if OBJECT_POSE in sidecar:
        labels["object position"] = sidecar[OBJECT_POSE][:, :3].astype(np.float64)
    for name, written in (("contact", FINGER_CONTACTS), ("held", HELD)):
        if written in sidecar:
            flags = sidecar[written].reshape(len(states), -1).any(axis=1)
            labels[name] = flags[:, None].astype(np.float64)
    return labels

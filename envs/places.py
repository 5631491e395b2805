"""Where starts and goals lie, benchmark v1: ranges and draws, base frame, metres."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

NOMINAL_START_M = np.array([0.46, 0.0, 0.36])
"""The middle of the start positions: above the table's centre, in the camera's view."""
START_RANGE_M = 0.08
"""Benchmark v1: the start flange lies within ±8 cm of nominal, per axis."""
GOAL_LOW_M, GOAL_HIGH_M = np.array([0.34, -0.22, 0.24]), np.array([0.62, 0.22, 0.50])
"""Goals lie where the fingers stay in the picture and clear of the object."""
GOAL_DISTANCE_M = (0.10, 0.25)
"""Benchmark v1: goal 10–25 cm away."""
ARRIVED_M = 0.001
"""The expert's goal and start must be reached this closely, else the reset is rejected. Drawn
places keep as far within the benchmark's ranges, so that the measured ones lie within, too."""
OBJECT_CENTRE_M, OBJECT_AREA_M = np.array([0.50, 0.0]), np.array([0.10, 0.15])
"""Benchmark v1: objects stand within ±10 × ±15 cm of the workspace centre, x and y."""
APART_M = 0.12
"""Benchmark v1: start and goal of pick-and-place."""


def sample_start(
    rng: np.random.Generator, nominal: Array = NOMINAL_START_M, margin: float = ARRIVED_M
) -> Array:
    """Return a start of the flange (3,), within ±8 cm of `nominal` less a margin, metres."""
    return np.asarray(nominal + rng.uniform(-1, 1, 3) * (START_RANGE_M - margin))


def sample_goal(start: Array, rng: np.random.Generator, margin: float = ARRIVED_M) -> Array:
    """Return a flange position (3,) in the goal box, 10–25 cm from `start`, in metres.

    Either may be off by the margin.
    """
    low, high = GOAL_DISTANCE_M[0] + 2 * margin, GOAL_DISTANCE_M[1] - 2 * margin
    while True:
        goal = rng.uniform(GOAL_LOW_M, GOAL_HIGH_M)
        if low <= np.linalg.norm(goal - start) <= high:
            return np.asarray(goal)


def sample_spot(taken: Array, rng: np.random.Generator) -> Array:
    """Return a place (2,) for an object, at least 12 cm from `taken` (2,), metres."""
    while True:
        spot = OBJECT_CENTRE_M + rng.uniform(-1, 1, 2) * OBJECT_AREA_M
        if np.linalg.norm(spot - taken) >= APART_M + 2 * ARRIVED_M:
            return np.asarray(spot)

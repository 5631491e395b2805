"""Numbers by which two models' landscapes are compared: how convex, how many valleys."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

TOLERANCE = 1e-3
"""Share of the energies' range that counts as level: below it is rounding of low precision."""


@dataclass(frozen=True, kw_only=True)
class ShapeFigures:
    """convexity: share of chords of the grid whose middle is not above the mean of its ends (1 for
    a convex bowl); local_minima: grid points lower than all their neighbours; rank_correlation:
    Spearman's, of energy and distance to the true action in units of the sweeps."""

    convexity: float
    local_minima: int
    rank_correlation: float


def shape_figures(energies: Array, first: Array, second: Array, truth: Array) -> ShapeFigures:
    """Return the figures of energies (n, m) over values (n,), (m,); truth (2,) in their units."""
    return ShapeFigures(
        convexity=convexity(energies),
        local_minima=local_minima(energies),
        rank_correlation=_rank_correlation(energies, first, second, truth),
    )


def convexity(energies: Array) -> float:
    """Return the share of chords between grid points, with a grid point in the middle, along which
    the middle is at most the mean of the ends; 1 if there are no such chords."""
    level = TOLERANCE * float(np.ptp(energies))
    rows, columns = energies.shape
    good = total = 0
    for down in range((rows - 1) // 2 + 1):
        for across in range(-((columns - 1) // 2), (columns - 1) // 2 + 1):
            if (down, across) <= (0, 0):  # every chord once
                continue
            start, middle, end = (_shifted(energies, k, down, across) for k in (0, 1, 2))
            below = middle <= 0.5 * (start + end) + level
            good, total = good + int(below.sum()), total + below.size
    return good / total if total else 1.0


def _shifted(energies: Array, times: int, down: int, across: int) -> Array:
    """Return the part of the grid where the `times`-th point of every chord of a direction lies."""
    rows, columns = energies.shape
    left = times * across if across >= 0 else (times - 2) * across
    top = times * down
    return energies[top : top + rows - 2 * down, left : left + columns - 2 * abs(across)]


def local_minima(energies: Array) -> int:
    """Return how many grid points lie lower than their eight neighbours by more than rounding.

    Flat valleys count once at most; the edge counts as a neighbour that is higher.
    """
    level = TOLERANCE * float(np.ptp(energies))
    padded = np.pad(energies, 1, constant_values=np.inf)
    rows, columns = energies.shape
    lower = np.ones_like(energies, dtype=bool)
    for down in (0, 1, 2):
        for across in (0, 1, 2):
            if (down, across) != (1, 1):
                neighbour = padded[down : down + rows, across : across + columns]
                lower &= energies < neighbour - level
    return max(1, int(lower.sum()))


def _rank_correlation(energies: Array, first: Array, second: Array, truth: Array) -> float:
    spans = [float(np.ptp(values)) for values in (first, second)]
    distance = np.hypot(
        (first[:, None] - truth[0]) / spans[0], (second[None] - truth[1]) / spans[1]
    )
    ranks = [np.argsort(np.argsort(values.ravel())) for values in (energies, distance)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])

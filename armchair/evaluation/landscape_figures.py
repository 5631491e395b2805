"""Numbers by which two models' landscapes are compared: how convex, how many valleys."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Array = NDArray[np.float64]

TOLERANCE = 1e-3
"""Share of the energies' range that counts as level: below it is rounding of low precision."""
PROMINENCE = 1e-2
"""Share of the energies' range that one must climb to leave a valley that counts; a search by
samples hardly notices less, and a finer grid shows no more of them."""
ROUNDING = 1e-6
"""A spread of this share of the energies is rounding of float32."""


@dataclass(frozen=True, kw_only=True)
class ShapeFigures:
    """convexity: share of chords of the grid whose middle is not above the mean of its ends (1 for
    a convex bowl); local_minima: valleys that are deep enough to hold a search; rank_correlation:
    Spearman's, of energy and distance to the true action in units of the sweeps.

    flat: all energies are one number, of which the other figures say nothing: they are None.
    """

    flat: bool
    convexity: float | None = None
    local_minima: int | None = None
    rank_correlation: float | None = None


def shape_figures(energies: Array, first: Array, second: Array, truth: Array) -> ShapeFigures:
    """Return the figures of energies (n, m) over values (n,), (m,); truth (2,) in their units."""
    if is_flat(energies):
        return ShapeFigures(flat=True)
    return ShapeFigures(
        flat=False,
        convexity=convexity(energies),
        local_minima=local_minima(energies),
        rank_correlation=_rank_correlation(energies, first, second, truth),
    )


def is_flat(energies: Array) -> bool:
    """Return whether the energies do not differ by more than rounding."""
    return bool(np.ptp(energies) <= ROUNDING * np.abs(energies).max())


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
    """Return how many valleys one must climb out of, by `PROMINENCE` of the range, to get lower.

    The lowest one counts always. The grid is flooded from below; where two valleys meet, the one
    whose bottom is higher ends, and the meeting point tells how deep it was.
    """
    depth = PROMINENCE * float(np.ptp(energies))
    padded = np.pad(energies, 1, constant_values=np.inf)  # the edge is higher than any point
    width, heights = padded.shape[1], padded.ravel()
    around = [down * width + across for down in (-1, 0, 1) for across in (-1, 0, 1)]
    bottom: dict[int, int] = {}  # of every flooded point: one that is as low, or lower
    found = 1
    for point in np.argsort(heights, kind="stable")[: energies.size].tolist():
        bottom[point] = point
        meeting = {_lowest(bottom, point + step) for step in around if point + step in bottom}
        first = min(meeting - {point}, key=lambda valley: heights[valley], default=point)
        for valley in meeting - {first}:
            bottom[valley] = first
            found += bool(valley != point and heights[point] - heights[valley] > depth)
    return found


def _lowest(bottom: dict[int, int], point: int) -> int:
    """Return the bottom of a point's valley, and remember it on the way."""
    while bottom[point] != point:
        bottom[point] = bottom[bottom[point]]
        point = bottom[point]
    return point


def _rank_correlation(energies: Array, first: Array, second: Array, truth: Array) -> float:
    spans = [float(np.ptp(values)) for values in (first, second)]
    distance = np.hypot(
        (first[:, None] - truth[0]) / spans[0], (second[None] - truth[1]) / spans[1]
    )
    ranks = [rankdata(values) for values in (energies, distance)]  # ties share their mean rank
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])

"""Minimum, maximum, mean, deviation and quantiles of a feature, by episode and over all.

Over all episodes the first four are exact; quantiles are the episodes' weighted by their length,
as LeRobot itself aggregates them. Colours are shares of 255, one number per channel.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}

Statistics = dict[str, NDArray[np.float64]]


def of_values(values: NDArray[np.generic]) -> Statistics:
    """Return the statistics (width,) of a feature (T,) or (T, width); `count` is (T,)'s length."""
    table = np.asarray(values, dtype=np.float64).reshape(len(values), -1)
    quantiles = np.quantile(table, list(QUANTILES.values()), axis=0)
    return {
        "min": table.min(axis=0),
        "max": table.max(axis=0),
        "mean": table.mean(axis=0),
        "std": table.std(axis=0),
        "count": np.array([len(table)], dtype=np.float64),
        **dict(zip(QUANTILES, quantiles, strict=True)),
    }


def of_pictures(frames: NDArray[np.uint8], rows: int) -> Statistics:
    """Return the statistics (3, 1, 1) in [0, 1] of frames (n, H, W, 3) drawn from `rows` ones."""
    found = of_values(frames.reshape(-1, 3) / np.float32(255))
    shaped = {name: value.reshape(3, 1, 1) for name, value in found.items() if name != "count"}
    return {**shaped, "count": np.array([rows], dtype=np.float64)}


def combined(parts: Sequence[Statistics]) -> Statistics:
    """Return the statistics of all parts together, weighted by their count."""
    counts = np.array([part["count"][0] for part in parts])
    stacked = {name: np.stack([part[name] for part in parts]) for name in parts[0]}
    weights = (counts / counts.sum()).reshape(-1, *[1] * (stacked["mean"].ndim - 1))
    mean = (weights * stacked["mean"]).sum(axis=0)
    variance = (weights * (stacked["std"] ** 2 + (stacked["mean"] - mean) ** 2)).sum(axis=0)
    return {
        "min": stacked["min"].min(axis=0),
        "max": stacked["max"].max(axis=0),
        "mean": mean,
        "std": np.sqrt(variance),
        "count": np.array([counts.sum()]),
        **{name: (weights * stacked[name]).sum(axis=0) for name in QUANTILES},
    }

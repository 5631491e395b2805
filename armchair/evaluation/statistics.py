"""Success rates with their uncertainty, and medians that survive an empty list."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

NORMAL_975 = 1.959963984540054
"""97.5 % quantile of the standard normal distribution."""


def wilson95(successes: int, trials: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a success rate; (0, 1) without trials.

    Source: Wilson, "Probable inference", 1927, without continuity correction.
    """
    assert 0 <= successes <= trials, (successes, trials)
    if trials == 0:
        return 0.0, 1.0
    rate, z2 = successes / trials, NORMAL_975**2
    centre = rate + z2 / (2 * trials)
    spread = NORMAL_975 * math.sqrt(rate * (1 - rate) / trials + z2 / (4 * trials**2))
    scale = 1 + z2 / trials
    low = 0.0 if successes == 0 else (centre - spread) / scale
    high = 1.0 if successes == trials else (centre + spread) / scale
    return low, high


@dataclass(frozen=True, kw_only=True)
class Quantiles:
    """Median and 90th percentile of what was measured; zero where nothing was."""

    median: float
    p90: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Quantiles:
        """Return the quantiles of `values`."""
        if not values:
            return cls(median=0.0, p90=0.0)
        median, p90 = np.quantile(np.asarray(values, dtype=np.float64), [0.5, 0.9])
        return cls(median=float(median), p90=float(p90))


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """Return the exact two-sided p of McNemar's test on paired successes; 1 without differences.

    only_first, only_second: pairs in which the first or the second alone succeeded. Under the null
    each such pair falls either way with probability one half. Source: McNemar, 1947; the exact form
    is the binomial test of its discordant pairs.
    """
    assert min(only_first, only_second) >= 0, (only_first, only_second)
    pairs, fewer = only_first + only_second, min(only_first, only_second)
    tail = sum(math.comb(pairs, count) for count in range(fewer + 1))
    return float(min(1.0, 2 * tail / 2**pairs))

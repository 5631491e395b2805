"""Wilson intervals against scipy and published values; quantiles."""

from __future__ import annotations

import pytest
from scipy.stats import binomtest

from armchair.evaluation.statistics import Quantiles, wilson95


@pytest.mark.parametrize(
    ("successes", "trials"), [(0, 10), (1, 10), (10, 10), (19, 20), (45, 50), (333, 1000)]
)
def test_wilson_is_scipys(successes: int, trials: int) -> None:
    expected = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    assert wilson95(successes, trials) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_known_and_empty() -> None:
    low, high = wilson95(19, 20)
    assert (round(low, 2), round(high, 2)) == (0.76, 0.99)
    assert wilson95(0, 0) == (0.0, 1.0)


def test_quantiles() -> None:
    values = Quantiles.of([0.0, 1.0, 2.0, 3.0, 4.0])
    assert (values.median, values.p90) == (2.0, pytest.approx(3.6))
    assert Quantiles.of([]) == Quantiles(median=0.0, p90=0.0)

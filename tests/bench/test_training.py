"""Where a training step's time goes: the shares follow from the times."""

from __future__ import annotations

import pytest

from armchair.bench.training import shares

TIMES = {
    "decode": 2.0,
    "load frames": 0.5,
    "encode": 1.0,
    "load tokens": 0.1,
    "predictor": 0.9,
    "whole step": 1.0,
}


def test_shares() -> None:
    found = shares(TIMES)
    assert found["predictor's share with the cache"] == pytest.approx(0.9)
    assert found["without it, frames out of the store"] == pytest.approx(0.9 / (0.9 + 1.0 + 0.5))
    assert found["without it, frames out of MP4 files"] == pytest.approx(0.9 / (0.9 + 1.0 + 2.0))
    assert found["encode, s"] == 1.0

"""Learning rate and budget."""

from __future__ import annotations

import math

import pytest

from armchair.errors import BadValueError
from armchair.worldmodel.optimisation.budget import Budget
from armchair.worldmodel.optimisation.schedule import Schedule


def test_warmup_constant_decay() -> None:
    schedule = Schedule(peak=2.0, warmup_share=0.1, decay_share=0.2, start_ratio=0.5)
    rates = [schedule.rate(p) for p in (0.0, 0.05, 0.1, 0.5, 0.8, 0.9, 1.0)]
    assert rates == pytest.approx([1.0, 1.5, 2.0, 2.0, 2.0, 1.0, 0.0])


def test_no_warmup_and_no_decay() -> None:
    schedule = Schedule(peak=1.0, warmup_share=0.0, decay_share=0.0)
    assert schedule.rate(0.0) == schedule.rate(1.0) == 1.0


def test_shares_must_fit_into_the_run() -> None:
    with pytest.raises(BadValueError, match="together at most 1"):
        Schedule(warmup_share=0.6, decay_share=0.6)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"peak": math.nan}, "peak is nan"),
        ({"peak": math.inf}, "peak is inf"),
        ({"warmup_share": math.nan}, "warmup_share nan"),
        ({"decay_share": math.nan}, "decay_share nan"),
        ({"start_ratio": -3.0}, r"start_ratio is -3\.0, expected 0 or more"),
        ({"final_ratio": math.nan}, "final_ratio is nan, expected 0 or more"),
    ],
)
def test_what_is_no_rate_is_refused(settings: dict[str, float], said: str) -> None:
    with pytest.raises(BadValueError, match=said):
        Schedule(**settings)  # type: ignore[arg-type]


def test_budget_of_steps_or_minutes() -> None:
    assert Budget(steps=10).progress(5, seconds=1e9) == 0.5
    assert Budget(minutes=2).progress(10**9, seconds=60) == 0.5
    assert Budget(minutes=2).expected_steps(100, seconds=60) == pytest.approx(200)


@pytest.mark.parametrize(
    ("both", "said"),
    [
        ({}, "no length given: give --steps or --minutes"),
        ({"steps": 1, "minutes": 1.0}, r"--steps 1 and --minutes 1\.0: give one of the two"),
        ({"steps": 0}, "--steps is 0, expected more than 0"),
        ({"minutes": -1.0}, r"--minutes is -1\.0, expected more than 0"),
    ],
)
def test_budget_is_exactly_one(both: dict[str, int], said: str) -> None:
    with pytest.raises(BadValueError, match=said):
        Budget(**both)

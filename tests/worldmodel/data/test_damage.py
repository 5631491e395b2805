"""Thousands of damaged episodes: no hang, no crash, nothing accepted that the schema can see."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from armchair.worldmodel.data.guard import Guard
from tests.worldmodel.data.damage import KINDS, Outcome, damaged_outcome

ANSWER_WITHIN_S = 60.0
"""An episode of 12 rows takes 20 ms; more than this on a busy machine is a hang."""


def outcomes(seeds: Sequence[int]) -> dict[int, Outcome]:
    with Guard(damaged_outcome, ANSWER_WITHIN_S) as guard:
        return {seed: guard(seed) for seed in seeds}  # a death or a hang raises with its seed


def check(found: dict[int, Outcome]) -> None:
    silent = {s: o.what for s, o in found.items() if o.visible and not o.problems}
    assert not silent, f"accepted silently, by seed: {silent}"
    apart = {s: o for s, o in found.items() if not o.problems and not o.readable}
    assert not apart, f"inspect found nothing, the reader did: {apart}"
    for seed, outcome in found.items():
        for line in (*outcome.problems, outcome.complaint):
            assert "\n" not in line, (seed, line)
            assert not outcome.problems or "success/2025-01-01" in outcome.problems[0], seed


ONCE_MISSED = (349, 685, 1050, 1171, 1430)
"""Seeds of damage that an earlier version accepted or let through as an error."""


def test_300_damaged_episodes() -> None:
    found = outcomes([*range(300), *ONCE_MISSED])
    check(found)
    assert sum(outcome.visible for outcome in found.values()) > 150
    assert sum(outcome.readable for outcome in found.values()) < 250


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(10))
def test_10000_damaged_episodes(batch: int) -> None:
    check(outcomes(range(1000 * batch + 300, 1000 * batch + 1300)))


def test_every_kind_is_drawn() -> None:
    assert len({damage for _, damage in KINDS}) == 14

"""Cross-entropy method: one engine, three registered settings of it.

Sample action sequences from a normal distribution, imagine them, keep the elites, move the
distribution towards them, repeat. Source: V-JEPA 2 (2025), section 3.2 and
appendix B.2; Rubinstein, 1997.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field, fields
from typing import Literal

import torch
from torch import Tensor

from armchair.errors import BadValueError, check_least
from armchair.planners.distribution import Distribution, Spread, best_of
from armchair.planners.energy import check_choice
from armchair.planners.frame import SearchPlanner
from armchair.planners.protocol import PLANNERS
from armchair.planners.search import (
    HAND_RULES,
    Answer,
    Ask,
    Found,
    Search,
    SearchConfig,
    Start,
)


@dataclass(frozen=True, kw_only=True)
class CemConfig(SearchConfig):
    """Settings of the engine; the defaults are the paper's planner.

    first_samples: of the first iteration, where it is to have more (0: as many as the others).
    spread: deviations of the first distribution. covariance: learn the translations' covariance,
    too, so that draws follow oblique valleys. second_spread: half of the second iteration is drawn
    around each of the first's elites, with this share of `spread` (0: none is). deviation_floor:
    share of the first deviation below which none falls. momentum_*: share of the old mean or
    deviation that stays. carried: elites of one iteration that compete in the next. returns: the
    mean of the last distribution or the best candidate seen. round_candidates: the gripper's
    deadband holds for every candidate, not for the result alone.
    """

    samples: int = 800
    first_samples: int = 0
    iterations: int = 10
    elites: int = 10
    covariance: bool = False
    second_spread: float = 0.0
    spread: Spread = field(default_factory=Spread)
    deviation_floor: float = 0.0
    momentum_mean: float = 0.0
    momentum_deviation: float = 0.0
    carried: int = 0
    returns: Literal["elite-mean", "best"] = "elite-mean"
    round_candidates: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_least(self, samples=1, iterations=1)
        check_elites(self.elites, self.samples)
        check_first(self.first_samples, self.elites)
        check_carried(self.carried, self.elites)
        check_shares(
            self, "momentum_mean", "momentum_deviation", "deviation_floor", "second_spread"
        )
        check_choice("returns", self.returns, ("elite-mean", "best"))

    def __call__(self, start: Start) -> Search:
        """Return a fresh search."""
        return search(self, start)


@dataclass(frozen=True, kw_only=True)
class CoarseFirstConfig(SearchConfig):
    """Settings of a planner that begins with a short cross-entropy search; as in `CemConfig`."""

    samples: int = 64
    first_samples: int = 0
    iterations: int = 4
    elites: int = 6
    spread: Spread = field(default_factory=Spread)
    covariance: bool = True
    second_spread: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        check_least(self, samples=1, iterations=1)
        check_elites(self.elites, self.samples)
        check_first(self.first_samples, self.elites)
        check_shares(self, "second_spread")

    def coarse(self, *, carried: int, deviation_floor: float) -> CemConfig:
        """Return the settings of that search."""
        shared = {f.name: getattr(self, f.name) for f in fields(CoarseFirstConfig)}
        return CemConfig(
            **shared, carried=carried, deviation_floor=deviation_floor, round_candidates=True
        )


def check_elites(elites: int, samples: int) -> None:
    """Raise `BadValueError` unless there are 2 elites or more and no more than samples."""
    if not 2 <= elites <= samples:
        raise BadValueError(f"elites is {elites}, expected 2 … samples ({samples}).")


def check_first(samples: int, elites: int) -> None:
    """Raise `BadValueError` unless the first iteration has no number of its own, or enough."""
    if samples != 0 and samples < elites:
        raise BadValueError(
            f"first_samples is {samples}, expected 0 (as `samples`), or elites ({elites}) or more."
        )


def check_carried(carried: int, elites: int) -> None:
    """Raise `BadValueError` unless no more are carried over than there are elites."""
    if not 0 <= carried <= elites:
        raise BadValueError(f"carried is {carried}, expected 0 … elites ({elites}).")


def check_shares(config: object, *names: str) -> None:
    """Raise `BadValueError` for the first of the named settings that is not in [0, 1)."""
    for name in names:
        if not 0.0 <= getattr(config, name) < 1.0:
            raise BadValueError(f"{name} is {getattr(config, name)}, expected 0 up to below 1.")


@dataclass(frozen=True)
class Evolved:
    """How the engine ends: the last distribution and its elites (elites, horizon, 7), best first,
    with their energies (elites,)."""

    distribution: Distribution
    elites: Tensor
    energies: Tensor


def search(c: CemConfig, start: Start) -> Search:
    """Search as the settings say."""
    end = yield from evolve(c, start)
    if c.returns == "best":
        best = c.legal(end.elites[0])
        known = torch.equal(best, end.elites[0])
        return Found(best, float(end.energies[0]) if known else None)
    return Found(c.legal(end.distribution.mean))


def evolve(c: CemConfig, start: Start) -> Generator[Ask, Answer, Evolved]:
    """Run all iterations."""
    legal = c.legal if c.round_candidates else c.bounds.clip
    distribution = Distribution.first(c.spread, c.bounds, c.horizon, start.device)
    floor = c.deviation_floor * distribution.deviation
    if c.covariance:
        distribution = distribution.with_covariance()
    wide = distribution.closer(c.second_spread)
    elites = kept = distribution.mean.new_empty((0, *distribution.mean.shape))
    best = kept_energies = distribution.mean.new_empty(0)
    for iteration in range(c.iterations):
        count = c.samples if iteration else c.first_samples or c.samples
        raw = distribution.sample(count, start.generator)
        if iteration == 1 and c.second_spread and len(elites):
            raw[::2] = wide.around(elites, len(raw[::2]), start.generator)
        drawn = legal(raw if iteration else c.bounds.some_near(raw))
        if iteration == 0 and start.guess is not None:
            drawn[0] = legal(start.guess)
        energies = (yield Ask(drawn)).energies
        pool, scores = torch.cat([kept, drawn]), torch.cat([kept_energies, energies])
        chosen, lowest = best_of(pool, scores, c.elites)
        if not len(chosen):
            continue
        elites, best = chosen, lowest
        kept, kept_energies = elites[: c.carried], best[: c.carried]
        distribution = distribution.towards(
            elites, floor, c.momentum_mean, c.momentum_deviation, progress=iteration > 0
        )
    return Evolved(distribution, elites, best)


@PLANNERS.add("cem-paper")
def cem_paper() -> SearchPlanner[CemConfig]:
    """Return the paper's planner: 800 samples, 10 iterations, top 10, horizon 1, no momentum."""
    return SearchPlanner(CemConfig())


@PLANNERS.add("cem-meta")
def cem_meta() -> SearchPlanner[CemConfig]:
    """Return the paper's planner with what Meta's wrapper adds: momentum and gripper rounding."""
    return SearchPlanner(
        CemConfig(momentum_mean=0.15, momentum_deviation=0.15, gripper_deadband=0.25)
    )


@PLANNERS.add("cem")
def cem() -> SearchPlanner[CemConfig]:
    """Return our settings: a tenth of the paper's budget, kept elites, a floor, best returned, and
    draws that follow valleys.

    The hand closes where it has arrived, not on the way (`grip_within`).
    """
    return SearchPlanner(
        CemConfig(
            samples=128,
            iterations=6,
            elites=12,
            covariance=True,
            second_spread=0.5,
            deviation_floor=0.05,
            carried=4,
            returns="best",
            round_candidates=True,
            warm_start=True,
            **HAND_RULES,
        )
    )

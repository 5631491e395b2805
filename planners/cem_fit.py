"""A short cross-entropy search, then bowls fitted to the energy around its best.

Close to a minimum an energy is nearly quadratic: a few dozen samples give all its coefficients, and
the least of the fitted bowl is where sampling alone would get after many rounds. Each round samples
closer around the best, in a box along the valley that the search has found; the rounds ask for
exact energies, since they weigh small differences.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from armchair.errors import check_least
from armchair.planners.cem import CoarseFirstConfig, check_shares, evolve
from armchair.planners.frame import SearchPlanner
from armchair.planners.protocol import PLANNERS
from armchair.planners.search import HAND_RULES, Answer, Ask, Found, Search, Start

SWEEPS = 60
"""Rounds of one-entry steps that find the least of a fitted bowl within its box."""
FLAT = 1e-6
"""A slope or bend of less than this share of the fit's largest is rounding."""


@dataclass(frozen=True, kw_only=True)
class CemFitConfig(CoarseFirstConfig):
    """samples, first_samples, iterations, elites, spread, covariance, second_spread: of the
    cross-entropy search.

    rounds: bowls that are fitted; oversampling: samples of a round, as a multiple of a bowl's
    coefficients; closer: each round's reach as a share of the one before.
    """

    samples: int = 96
    first_samples: int = 256
    iterations: int = 4
    elites: int = 8
    rounds: int = 7
    oversampling: float = 2.0
    closer: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        check_least(self, rounds=1, oversampling=1)
        check_shares(self, "closer")

    def __call__(self, start: Start) -> Search:
        """Return a fresh search."""
        return search(self, start)


def search(c: CemFitConfig, start: Start) -> Search:
    """Search as the settings say."""
    coarse = yield from evolve(c.coarse(carried=c.elites // 2, deviation_floor=0.02), start)
    best, reach = coarse.elites[0], 1.5 * coarse.distribution.axes()
    energy = float("inf")
    for _ in range(c.rounds):
        best, energy = yield from _round(c, start, best, reach)
        reach = c.closer * reach
    final = c.legal(best)
    if not torch.equal(final, best):
        energy = float((yield Ask(final[None], exact=True)).energies[0])
    return Found(final, energy)


def _round(
    c: CemFitConfig, start: Start, best: Tensor, reach: Tensor
) -> Generator[Ask, Answer, tuple[Tensor, float]]:
    """Sample within reach of the best, fit, try the bowl's least; return the best and its energy.

    best is (horizon, 7); reach (horizon · 7, horizon · 7) leads from the unit box to moves away
    from it, lower triangular. Entries without reach stay.
    """
    free = reach.diagonal() > 0
    axes = reach[free][:, free]
    coefficients = (len(axes) + 1) * (len(axes) + 2) // 2
    shape = (round(c.oversampling * coefficients), len(axes))
    unit = 2 * torch.rand(shape, generator=start.generator, device=start.generator.device) - 1
    unit[0] = 0.0
    tried = c.bounds.clip(_moved(best, free, unit.to(best) @ axes.T))
    energies = (yield Ask(tried, exact=True)).energies
    place = int(energies.argmin())
    good = energies.isfinite()
    if int(good.sum()) < coefficients:
        return tried[place], float(energies[place])
    away = (tried - best).flatten(1)[:, free]
    unit = torch.linalg.solve_triangular(axes, away.T, upper=False).T
    least = axes @ bowl_least(unit[good], energies[good])
    guess = c.bounds.clip(_moved(best, free, least[None]))
    energy = float((yield Ask(guess, exact=True)).energies[0])
    better = energy < float(energies[place])
    return (guess[0], energy) if better else (tried[place], float(energies[place]))


def _moved(best: Tensor, free: Tensor, moves: Tensor) -> Tensor:
    """Return best (horizon, 7) with moves (n, free entries) added to its free entries."""
    found = best.flatten().repeat(len(moves), 1)
    found[:, free] += moves
    return found.view(-1, *best.shape)


def bowl_least(points: Tensor, values: Tensor) -> Tensor:
    """Return where the quadratic fitted to values (n,) at points (n, d) is least within ±1 (d,).

    Least squares over all monomials up to the second degree; then one entry at a time. One that
    the values do not depend on stays 0.
    """
    x, y = points.double().cpu(), values.double().cpu()
    size = x.shape[1]
    i, j = torch.triu_indices(size, size)
    design = torch.cat([torch.ones(len(x), 1).double(), x, x[:, i] * x[:, j]], dim=1)
    solution = torch.linalg.lstsq(design, (y - y.mean())[:, None], driver="gelsd").solution[:, 0]
    slope, curve = solution[1 : size + 1], torch.zeros(size, size).double()
    curve[i, j] = solution[size + 1 :]
    curve = curve + curve.T  # second derivatives
    least = torch.zeros(size).double()
    nothing = FLAT * float(torch.cat([slope, curve.flatten()]).abs().max())
    for _ in range(SWEEPS):
        for entry in range(size):
            other = float(slope[entry] + curve[entry] @ least - curve[entry, entry] * least[entry])
            bend = float(curve[entry, entry])
            if bend > nothing:
                least[entry] = max(-1.0, min(1.0, -other / bend))
            elif max(-bend, abs(other)) > nothing:
                least[entry] = -math.copysign(1.0, other)
    return least.to(points)


@PLANNERS.add("cem-fit")
def cem_fit() -> SearchPlanner[CemFitConfig]:
    """Return the two in a row."""
    return SearchPlanner(CemFitConfig(warm_start=True, **HAND_RULES))

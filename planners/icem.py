"""iCEM: the cross-entropy method with coloured noise, kept elites and fewer samples each time.

Source: Pinneri et al., "Sample-efficient cross-entropy method for real-time planning", 2020. Of the
previous plan its best sequence, moved on by one step, competes; the paper keeps several.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from armchair.errors import BadValueError, check_least
from armchair.planners.cem import check_elites, check_shares
from armchair.planners.distribution import Distribution, Spread, best_of
from armchair.planners.frame import SearchPlanner
from armchair.planners.protocol import PLANNERS
from armchair.planners.search import (
    HAND_RULES,
    Ask,
    Found,
    Search,
    SearchConfig,
    Start,
)


@dataclass(frozen=True, kw_only=True)
class IcemConfig(SearchConfig):
    """noise_exponent: power of the noise falls as 1/f^exponent over the horizon, 0 is white.

    samples: of the first iteration; shrink: each later one has so many times fewer, but at least
    twice the elites. kept: share of the elites that compete again. momentum: share of the old mean
    and deviation that stays. spread: first deviations; deviation_floor: share of them below which
    none falls.
    """

    samples: int = 128
    iterations: int = 6
    elites: int = 12
    shrink: float = 1.1
    noise_exponent: float = 2.0
    kept: float = 0.6
    momentum: float = 0.1
    spread: Spread = field(default_factory=Spread)
    deviation_floor: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        check_least(self, samples=1, iterations=1, shrink=1)
        check_elites(self.elites, self.samples)
        check_shares(self, "kept", "momentum", "deviation_floor")
        if not 0.0 <= self.noise_exponent < 10.0:
            raise BadValueError(f"noise_exponent is {self.noise_exponent}, expected 0 to below 10.")

    def __call__(self, start: Start) -> Search:
        """Return a fresh search."""
        return search(self, start)

    def count(self, iteration: int) -> int:
        """Return how many samples an iteration draws."""
        return max(int(self.samples / self.shrink**iteration), min(2 * self.elites, self.samples))


def search(c: IcemConfig, start: Start) -> Search:
    """Search as the settings say; the best candidate seen is returned."""
    distribution = Distribution.first(c.spread, c.bounds, c.horizon, start.device)
    floor = c.deviation_floor * distribution.deviation
    kept = distribution.mean.new_empty((0, *distribution.mean.shape))
    kept_energies = distribution.mean.new_empty(0)
    for iteration in range(c.iterations):
        raw = distribution.sample(c.count(iteration), start.generator, c.noise_exponent)
        drawn = c.legal(raw if iteration else c.bounds.some_near(raw))
        drawn = _with_extras(c, drawn, distribution.mean, start.guess, iteration)
        energies = (yield Ask(drawn)).energies
        pool, scores = torch.cat([kept, drawn]), torch.cat([kept_energies, energies])
        elites, best = best_of(pool, scores, c.elites)
        keep = max(1, round(c.kept * c.elites))
        kept, kept_energies = elites[:keep], best[:keep]
        distribution = distribution.towards(elites, floor, c.momentum, c.momentum)
    return Found(elites[0], float(best[0]))


def _with_extras(
    c: IcemConfig, drawn: Tensor, mean: Tensor, guess: Tensor | None, iteration: int
) -> Tensor:
    """Put the guess in the first iteration's first place, the mean in the last one's."""
    if iteration == 0 and guess is not None:
        drawn[0] = c.legal(guess)
    elif iteration == c.iterations - 1:
        drawn[0] = c.legal(mean)
    return drawn


@PLANNERS.add("icem")
def icem() -> SearchPlanner[IcemConfig]:
    """Return iCEM on four fifths of the evaluations of `cem`; colour needs `horizon=4` or more."""
    return SearchPlanner(IcemConfig(warm_start=True, **HAND_RULES))

"""Random shooting: score uniform samples once and take the best; the control for any search."""

from __future__ import annotations

from dataclasses import dataclass

from armchair.errors import check_least
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
class RandomShootingConfig(SearchConfig):
    """samples: candidates; the default spends as many evaluations as `cem`."""

    samples: int = 768

    def __post_init__(self) -> None:
        super().__post_init__()
        check_least(self, samples=1)

    def __call__(self, start: Start) -> Search:
        """Return a fresh search."""
        return search(self, start)


def search(c: RandomShootingConfig, start: Start) -> Search:
    """Search as the settings say."""
    drawn = c.bounds.sample(c.samples, c.horizon, start.generator).to(start.device)
    candidates = c.rounded(drawn)
    if start.guess is not None:
        candidates[0] = c.legal(start.guess)
    energies = (yield Ask(candidates)).energies
    best = int(energies.argmin())
    return Found(candidates[best], float(energies[best]))


@PLANNERS.add("random-shooting")
def random_shooting() -> SearchPlanner[RandomShootingConfig]:
    """Return random shooting on the budget of `cem`."""
    return SearchPlanner(RandomShootingConfig(**HAND_RULES))

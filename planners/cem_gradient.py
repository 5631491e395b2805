"""A short cross-entropy search, then gradient descent from its elites."""

from __future__ import annotations

from dataclasses import dataclass

from armchair.errors import check_least
from armchair.planners.cem import CoarseFirstConfig, evolve
from armchair.planners.frame import SearchPlanner
from armchair.planners.gradient import check_rate, descend
from armchair.planners.protocol import PLANNERS
from armchair.planners.search import HAND_RULES, Search, Start


@dataclass(frozen=True, kw_only=True)
class CemGradientConfig(CoarseFirstConfig):
    """samples, iterations, elites, spread: of the cross-entropy search; steps, learning_rate: of
    the descent from each elite, as in `GradientConfig`."""

    samples: int = 48
    iterations: int = 2
    elites: int = 4
    steps: int = 8
    learning_rate: float = 0.08

    def __post_init__(self) -> None:
        super().__post_init__()
        check_least(self, steps=1)
        check_rate(self.learning_rate)

    def __call__(self, start: Start) -> Search:
        """Return a fresh search."""
        return search(self, start)


def search(c: CemGradientConfig, start: Start) -> Search:
    """Search as the settings say."""
    coarse = yield from evolve(c.coarse(carried=c.elites, deviation_floor=0.05), start)
    return (yield from descend(c, coarse.elites, c.steps, c.learning_rate))


@PLANNERS.add("cem-gradient")
def cem_gradient() -> SearchPlanner[CemGradientConfig]:
    """Return the two in a row."""
    return SearchPlanner(CemGradientConfig(warm_start=True, **HAND_RULES))

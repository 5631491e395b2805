"""A short cross-entropy search, then gradient descent from its elites."""

from __future__ import annotations

from dataclasses import dataclass, field

from armchair.planners.cem import CemConfig, check_elites, evolve
from armchair.planners.distribution import Spread
from armchair.planners.frame import SearchPlanner
from armchair.planners.gradient import check_rate, descend
from armchair.planners.protocol import PLANNERS
from armchair.planners.search import Search, SearchConfig, Start, check_counts


@dataclass(frozen=True, kw_only=True)
class CemGradientConfig(SearchConfig):
    """samples, iterations, elites, spread: of the cross-entropy search; steps, learning_rate: of
    the descent from each elite, as in `GradientConfig`."""

    samples: int = 48
    iterations: int = 2
    elites: int = 4
    spread: Spread = field(default_factory=Spread)
    steps: int = 8
    learning_rate: float = 0.08

    def __post_init__(self) -> None:
        super().__post_init__()
        check_counts(self, "samples", "iterations", "steps")
        check_elites(self.elites, self.samples)
        check_rate(self.learning_rate)

    def __call__(self, start: Start) -> Search:
        """Return a fresh search."""
        return search(self, start)

    def first_part(self) -> CemConfig:
        """Return the settings of the cross-entropy search."""
        return CemConfig(
            samples=self.samples,
            iterations=self.iterations,
            elites=self.elites,
            horizon=self.horizon,
            bounds=self.bounds,
            spread=self.spread,
            deviation_floor=0.05,
            carried=self.elites,
        )


def search(c: CemGradientConfig, start: Start) -> Search:
    """Search as the settings say."""
    coarse = yield from evolve(c.first_part(), start)
    return (yield from descend(c, coarse.elites, c.steps, c.learning_rate))


@PLANNERS.add("cem-gradient")
def cem_gradient() -> SearchPlanner[CemGradientConfig]:
    """Return the two in a row."""
    return SearchPlanner(CemGradientConfig(warm_start=True, gripper_deadband=0.25))

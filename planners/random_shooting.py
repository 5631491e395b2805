"""Random shooting: score uniform samples once and take the best; the control for any search."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from torch import Generator, Tensor

from armchair.errors import BadValueError
from armchair.planners.bounds import ActionBounds
from armchair.planners.energy import ScoredSteps, score
from armchair.planners.protocol import PLANNERS, Context, LatentDynamics, Plan


@dataclass(frozen=True, kw_only=True)
class RandomShootingConfig:
    """samples: candidates; the default spends as many evaluations as `cem`."""

    samples: int = 320
    horizon: int = 1
    bounds: ActionBounds = field(default_factory=ActionBounds)
    scored_steps: ScoredSteps = "last"

    def __post_init__(self) -> None:
        if self.samples < 1 or self.horizon < 1:
            raise BadValueError(
                f"samples {self.samples} and horizon {self.horizon} must both be 1 or more."
            )


@dataclass(frozen=True)
class RandomShootingPlanner:
    """One round of uniform samples within bounds."""

    config: RandomShootingConfig = field(default_factory=RandomShootingConfig)

    def describe(self) -> dict[str, Any]:
        """Return every setting as JSON-ready values."""
        return asdict(self.config)

    def plan(
        self,
        model: LatentDynamics,
        context: Context,
        goal: Tensor,
        generator: Generator,
        warm_start: Tensor | None = None,
    ) -> Plan:
        """Return the sample of lowest energy; `warm_start` is not used."""
        c = self.config
        candidates = c.bounds.sample(c.samples, c.horizon, generator).to(context.latents.device)
        energies = score(model, context, candidates, goal, c.scored_steps)
        best = int(energies.argmin())
        lowest = float(energies[best])
        return Plan(
            actions=candidates[best].cpu(),
            energy=lowest,
            history=(lowest,),
            evaluations=c.samples * c.horizon,
        )


@PLANNERS.add("random-shooting")
def random_shooting() -> RandomShootingPlanner:
    """Return random shooting on the budget of `cem`."""
    return RandomShootingPlanner()

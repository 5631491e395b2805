"""Cross-entropy method: one engine, three registered settings of it.

Sample action sequences from a normal distribution, imagine them, keep the elites, move the
distribution towards them, repeat. Source: V-JEPA 2 (2025), section 3.2 and
appendix B.2; Rubinstein, 1997.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import torch
from torch import Generator, Tensor

from armchair.errors import BadValueError
from armchair.planners.bounds import ActionBounds
from armchair.planners.energy import ScoredSteps, score
from armchair.planners.protocol import PLANNERS, Context, LatentDynamics, Plan


@dataclass(frozen=True, kw_only=True)
class CemConfig:
    """Settings of the engine; the defaults are the paper's planner.

    translation_deviation: metres, rotation_deviation: radians, gripper_deviation: closedness, all
    of the first distribution. deviation_floor: share of the first deviation below which none falls.
    momentum_*: share of the old mean or deviation that stays. carried: elites of one iteration that
    compete in the next. returns: the mean of the last distribution or the best candidate seen.
    gripper_deadband: smaller gripper changes become zero in the result, and in every candidate if
    round_candidates. warm_start: let the given guess compete in the first iteration.
    """

    samples: int = 800
    iterations: int = 10
    elites: int = 10
    horizon: int = 1
    bounds: ActionBounds = field(default_factory=ActionBounds)
    translation_deviation: float = 0.075
    rotation_deviation: float = 0.1
    gripper_deviation: float = 1.0
    deviation_floor: float = 0.0
    momentum_mean: float = 0.0
    momentum_deviation: float = 0.0
    carried: int = 0
    returns: Literal["elite-mean", "best"] = "elite-mean"
    gripper_deadband: float = 0.0
    round_candidates: bool = False
    warm_start: bool = False
    scored_steps: ScoredSteps = "last"

    def __post_init__(self) -> None:
        for name in ("samples", "iterations", "horizon"):
            if getattr(self, name) < 1:
                raise BadValueError(f"{name} is {getattr(self, name)}, expected 1 or more.")
        if not 2 <= self.elites <= self.samples:
            raise BadValueError(f"elites is {self.elites}, expected 2 … samples ({self.samples}).")
        if not 0 <= self.carried <= self.elites:
            raise BadValueError(f"carried is {self.carried}, expected 0 … elites ({self.elites}).")
        for name in ("momentum_mean", "momentum_deviation", "deviation_floor"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise BadValueError(f"{name} is {getattr(self, name)}, expected 0 up to below 1.")
        _check_choice("returns", self.returns, ("elite-mean", "best"))
        _check_choice("scored_steps", self.scored_steps, ("last", "all"))


def _check_choice(name: str, value: str, legal: tuple[str, ...]) -> None:
    if value not in legal:
        raise BadValueError(f"{name} is {value!r}, expected one of {', '.join(legal)}.")


@dataclass(frozen=True)
class Distribution:
    """Independent normal distributions: mean and deviation, both (horizon, 7)."""

    mean: Tensor
    deviation: Tensor

    def sample(self, count: int, generator: Generator) -> Tensor:
        """Return draws (count, horizon, 7), made on the generator's device."""
        shape = (count, *self.mean.shape)
        noise = torch.randn(shape, generator=generator, device=generator.device)
        return self.mean + self.deviation * noise.to(self.mean)

    def towards(self, elites: Tensor, config: CemConfig, floor: Tensor) -> Distribution:
        """Return the distribution moved to elites (elites, horizon, 7), minus the momentum."""
        keep_mean, keep_deviation = config.momentum_mean, config.momentum_deviation
        mean = (1 - keep_mean) * elites.mean(dim=0) + keep_mean * self.mean
        deviation = (1 - keep_deviation) * elites.std(dim=0) + keep_deviation * self.deviation
        return Distribution(mean, torch.maximum(deviation, floor))


@dataclass(frozen=True)
class CrossEntropyPlanner:
    """The engine with its settings."""

    config: CemConfig = field(default_factory=CemConfig)

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
        """Return the plan found for goal latents (tokens, width); see `Planner.plan`."""
        c = self.config
        distribution = _first_distribution(c, context.latents.device)
        floor = c.deviation_floor * distribution.deviation
        kept = distribution.mean.new_empty((0, *distribution.mean.shape))
        kept_energies = distribution.mean.new_empty(0)
        history = []
        for iteration in range(c.iterations):
            drawn = self._legal(distribution.sample(c.samples, generator))
            if iteration == 0 and c.warm_start and warm_start is not None:
                drawn[0] = self._legal(warm_start.to(drawn))
            energies = score(model, context, drawn, goal, c.scored_steps)
            pool = torch.cat([kept, drawn])
            best = torch.cat([kept_energies, energies]).topk(c.elites, largest=False)
            elites = pool[best.indices]
            kept, kept_energies = elites[: c.carried], best.values[: c.carried]
            distribution = distribution.towards(elites, c, floor)
            history.append(float(best.values[0]))
        found = elites[0] if c.returns == "best" else distribution.mean
        return Plan(
            actions=_round_gripper(found, c.gripper_deadband).cpu(),
            energy=history[-1],
            history=tuple(history),
            evaluations=c.samples * c.iterations * c.horizon,
        )

    def _legal(self, actions: Tensor) -> Tensor:
        """Return actions (..., horizon, 7) within bounds, rounded if the settings ask for it."""
        clipped = self.config.bounds.clip(actions)
        if self.config.round_candidates:
            clipped = _round_gripper(clipped, self.config.gripper_deadband)
        return clipped


def _first_distribution(config: CemConfig, device: torch.device) -> Distribution:
    """Return zero mean and the configured deviations, zero where the bounds forbid any change."""
    per_entry = torch.tensor(
        [config.translation_deviation] * 3
        + [config.rotation_deviation] * 3
        + [config.gripper_deviation]
    )
    per_entry = torch.where(config.bounds.limits() > 0.0, per_entry, 0.0)
    deviation = per_entry.repeat(config.horizon, 1).to(device)
    return Distribution(torch.zeros_like(deviation), deviation)


def _round_gripper(actions: Tensor, deadband: float) -> Tensor:
    """Return actions (..., 7) with gripper changes smaller than the deadband set to zero."""
    gripper = actions[..., 6:]
    rounded = torch.where(gripper.abs() < deadband, torch.zeros_like(gripper), gripper)
    return torch.cat([actions[..., :6], rounded], dim=-1)


@PLANNERS.add("cem-paper")
def cem_paper() -> CrossEntropyPlanner:
    """Return the paper's planner: 800 samples, 10 iterations, top 10, horizon 1, no momentum."""
    return CrossEntropyPlanner(CemConfig())


@PLANNERS.add("cem-meta")
def cem_meta() -> CrossEntropyPlanner:
    """Return the paper's planner with what Meta's wrapper adds: momentum and gripper rounding."""
    return CrossEntropyPlanner(
        CemConfig(momentum_mean=0.15, momentum_deviation=0.15, gripper_deadband=0.25)
    )


@PLANNERS.add("cem")
def cem() -> CrossEntropyPlanner:
    """Return our default: a 25th of the paper's budget, kept elites, a floor, best returned."""
    return CrossEntropyPlanner(
        CemConfig(
            samples=64,
            iterations=5,
            elites=8,
            deviation_floor=0.05,
            carried=4,
            returns="best",
            gripper_deadband=0.25,
            round_candidates=True,
            warm_start=True,
        )
    )

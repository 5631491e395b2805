"""Gradient descent through the world model: Adam on the actions themselves, from several starts.

Source: V-JEPA 2 (2025), section 4.2 names gradient planning as future work; Kingma and Ba, 2015.
Every step ends with the projection on the action set.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from armchair.errors import BadValueError, check_least
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

MEAN_DECAY, SQUARE_DECAY, EPSILON = 0.9, 0.999, 1e-8
"""Adam's usual constants."""


@dataclass(frozen=True, kw_only=True)
class GradientConfig(SearchConfig):
    """restarts: sequences that descend side by side, one from the guess or from zero, the others
    from uniform samples; steps: of Adam; learning_rate: share of each bound that the first step may
    cover, falling to zero over the steps."""

    restarts: int = 8
    steps: int = 20
    learning_rate: float = 0.15

    def __post_init__(self) -> None:
        super().__post_init__()
        check_least(self, restarts=1, steps=1)
        check_rate(self.learning_rate)

    def __call__(self, start: Start) -> Search:
        """Return a fresh search."""
        return search(self, start)


def check_rate(learning_rate: float) -> None:
    """Raise `BadValueError` unless the learning rate is above 0 and at most 1."""
    if not 0.0 < learning_rate <= 1.0:
        raise BadValueError(f"learning_rate is {learning_rate}, expected above 0, at most 1.")


def search(c: GradientConfig, start: Start) -> Search:
    """Search as the settings say; the best sequence on any path is returned."""
    starts = c.bounds.sample(c.restarts, c.horizon, start.generator).to(start.device)
    starts[0] = 0.0 if start.guess is None else c.bounds.clip(start.guess)
    return (yield from descend(c, starts, c.steps, c.learning_rate))


def descend(c: SearchConfig, starts: Tensor, steps: int, learning_rate: float) -> Search:
    """Descend from starts (starts, horizon, 7); return the best of what the paths came by.

    Each path is judged at its best point, after the gripper's deadband.
    """
    paths = yield from _adam(c, starts, steps, learning_rate)
    ends = c.legal(paths)
    energies = (yield Ask(ends)).energies
    best = int(energies.argmin())
    return Found(ends[best], float(energies[best]))


def _adam(
    c: SearchConfig, starts: Tensor, steps: int, learning_rate: float
) -> Generator[Ask, Answer, Tensor]:
    """Return the best point (starts, horizon, 7) of each path; the last one counts as seen too."""
    limits = c.bounds.limits().to(starts)
    unit = torch.where(limits > 0.0, limits, 1.0)  # positions are in shares of the bounds
    position = starts / unit
    adam = _Adam(torch.zeros_like(position), torch.zeros_like(position))
    best, lowest = starts, torch.full((len(starts),), torch.inf, device=starts.device)
    for step in range(steps + 1):
        actions = c.bounds.clip(position * unit)
        answer = yield Ask(actions, gradient=step < steps)
        better = answer.energies < lowest
        best = torch.where(better[:, None, None], actions, best)
        lowest = torch.where(better, answer.energies, lowest)
        if answer.gradients is None:
            break
        rate = learning_rate * (1.0 - step / steps)
        position = position - rate * adam.direction(answer.gradients * unit, step + 1)
        position = c.bounds.clip(position * unit) / unit
    return best


@dataclass
class _Adam:
    """Running means of gradients and of their squares; Kingma and Ba, 2015, algorithm 1."""

    mean: Tensor
    square: Tensor

    def direction(self, gradients: Tensor, step: int) -> Tensor:
        """Return the step for a learning rate of one; `step` counts from 1."""
        self.mean = MEAN_DECAY * self.mean + (1.0 - MEAN_DECAY) * gradients
        self.square = SQUARE_DECAY * self.square + (1.0 - SQUARE_DECAY) * gradients.square()
        mean = self.mean / (1.0 - MEAN_DECAY**step)
        return mean / ((self.square / (1.0 - SQUARE_DECAY**step)).sqrt() + EPSILON)


@PLANNERS.add("gradient")
def gradient() -> SearchPlanner[GradientConfig]:
    """Return gradient descent from eight starts."""
    return SearchPlanner(GradientConfig(warm_start=True, **HAND_RULES))

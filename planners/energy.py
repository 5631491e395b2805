"""The goal-conditioned energy: how far imagined latents are from the goal image's latents."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from armchair.errors import BadValueError
from armchair.planners.protocol import (
    SHAPE_ERRORS,
    Context,
    LatentDynamics,
    check_imagines,
)

ScoredSteps = Literal["last", "all"]
"""Which imagined steps the energy reads: the last (eq. 5) or the sum over all of them."""
Distance = Literal["l1", "l2"]
"""Mean absolute difference (eq. 5), or the root of the mean squared one; both in latents' units."""

MEMORY_MB = 400.0
"""Megabytes of imagined latents at once: 256 one-step candidates of ViT-g (256 x 1,408 floats)."""
NEIGHBOURHOOD = 3
"""Tokens on a side of what `blurred` takes the mean of."""
BACKWARD_SHARE = 128
"""A gradient keeps about so many times the latents' bytes: a small predictor's activations."""


@dataclass(frozen=True, kw_only=True)
class Objective:
    """What a planner minimises.

    steps: the last imagined step or the sum over all; distance: of latents to the goal's;
    action_cost: added per metre of commanded translation, summed over the steps.
    """

    steps: ScoredSteps = "last"
    distance: Distance = "l1"
    action_cost: float = 0.0

    def __post_init__(self) -> None:
        check_choice("objective.steps", self.steps, ("last", "all"))
        check_choice("objective.distance", self.distance, ("l1", "l2"))
        if not 0.0 <= self.action_cost < float("inf"):
            raise BadValueError(f"action_cost is {self.action_cost}, expected zero or more.")

    def of(self, imagined: Tensor, goal: Tensor, candidates: Tensor) -> Tensor:
        """Return values (candidates,) of imagined latents (candidates, horizon, tokens, width).

        `goal` (tokens, width); `candidates` (candidates, horizon, 7) that led there.
        """
        seen = imagined[:, -1:] if self.steps == "last" else imagined
        per_step = energy(seen, goal) if self.distance == "l1" else _root_mean_square(seen, goal)
        value = per_step.sum(dim=1)
        if self.action_cost:
            metres = candidates[..., :3].norm(dim=-1).sum(dim=-1)
            value = value + self.action_cost * metres.to(value)
        return value


@dataclass(frozen=True)
class BothScales:
    """An objective of latents as they are, and of the means of neighbouring tokens beside it."""

    objective: Objective

    def of(self, imagined: Tensor, goal: Tensor, candidates: Tensor) -> Tensor:
        """Return both values (candidates, 2), sharp and coarse; arguments as in `Objective.of`."""
        sharp = self.objective.of(imagined, goal, candidates)
        coarse = self.objective.of(blurred(imagined), blurred(goal), candidates)
        return torch.stack([sharp, coarse], dim=-1)


Values: TypeAlias = Objective | BothScales
"""What gives candidates their energies."""


def blurred(latents: Tensor) -> Tensor:
    """Return the mean of each token and its neighbours, of latents (..., tokens, width).

    At the edge, of those that there are. Where the picture of the hand does not meet the goal's,
    energies are flat; of the means they fall from afar. Tokens that are no square grid stay as they
    are.
    """
    side = math.isqrt(latents.shape[-2])
    if side**2 != latents.shape[-2]:
        return latents
    grids = latents.float().reshape(-1, side, side, latents.shape[-1]).permute(0, 3, 1, 2)
    means = F.avg_pool2d(grids, NEIGHBOURHOOD, 1, NEIGHBOURHOOD // 2, count_include_pad=False)
    return means.permute(0, 2, 3, 1).reshape(latents.shape)


def check_choice(name: str, value: str, legal: tuple[str, ...]) -> None:
    """Raise `BadValueError` for a setting that is none of the legal words."""
    if value not in legal:
        raise BadValueError(f"{name} is {value!r}, expected one of {', '.join(legal)}.")


def energy(predicted: Tensor, goal: Tensor) -> Tensor:
    """Return the mean absolute difference (...) of latents (..., tokens, width) to a goal, eq. (5).

    `goal` is (tokens, width), or anything that broadcasts against `predicted`.
    """
    return (predicted.float() - goal.float()).abs().mean(dim=(-2, -1))


def _root_mean_square(predicted: Tensor, goal: Tensor) -> Tensor:
    tiny = torch.finfo(torch.float32).tiny  # keeps the gradient finite at the goal itself
    return ((predicted.float() - goal.float()).square().mean(dim=(-2, -1)) + tiny).sqrt()


def chunk_size(context: Context, horizon: int, memory_mb: float, *, gradient: bool = False) -> int:
    """Return how many candidates may be imagined at once in a budget of megabytes; at least 1."""
    per_candidate = 4 * horizon * context.latents[-1].numel() * (BACKWARD_SHARE if gradient else 1)
    return max(1, int(memory_mb * 2**20) // max(per_candidate, 1))


@torch.inference_mode()
def score(
    model: LatentDynamics,
    context: Context,
    candidates: Tensor,
    goal: Tensor,
    objective: Values | None = None,
    memory_mb: float = MEMORY_MB,
) -> Tensor:
    """Return the energy (candidates,) of each action sequence (candidates, horizon, 7).

    With `BothScales` (candidates, 2). An energy is NaN where the model imagines what is no number.
    Raises `BadValueError` for a model that imagines another number of candidates, steps or tokens
    than it was asked for.
    """
    wanted = objective or Objective()
    chunk = chunk_size(context, candidates.shape[1], memory_mb)
    parts = [_scored(model, context, part, goal, wanted) for part in candidates.split(chunk)]
    return torch.cat(parts)


def score_with_gradient(
    model: LatentDynamics,
    context: Context,
    candidates: Tensor,
    goal: Tensor,
    objective: Values | None = None,
    memory_mb: float = MEMORY_MB,
) -> tuple[Tensor, Tensor]:
    """Return energies (candidates,) and their gradients (candidates, horizon, 7).

    Raises `BadValueError` for a model whose imagination is not differentiable.
    """
    wanted = objective or Objective()
    chunk = chunk_size(context, candidates.shape[1], memory_mb, gradient=True)
    parts = [
        with_gradient(model, lambda leaf: _scored(model, context, leaf, goal, wanted), part)
        for part in candidates.split(chunk)
    ]
    energies, gradients = zip(*parts, strict=True)
    return torch.cat(energies), torch.cat(gradients)


def with_gradient(
    model: LatentDynamics, values: Callable[[Tensor], Tensor], candidates: Tensor
) -> tuple[Tensor, Tensor]:
    """Return `values` of candidates, and their gradients in the candidates' shape.

    Raises `BadValueError` for a model whose imagination is not differentiable.
    """
    with torch.enable_grad():
        leaf = candidates.detach().clone().requires_grad_()
        value = values(leaf)
        if not value.requires_grad:
            raise BadValueError(
                f"{type(model).__name__} gives no gradient of its imagination: use a planner "
                "that samples, such as cem."
            )
        (slope,) = torch.autograd.grad(value.sum(), leaf)
    return value.detach(), slope


def _scored(
    model: LatentDynamics,
    context: Context,
    candidates: Tensor,
    goal: Tensor,
    objective: Values,
) -> Tensor:
    try:
        imagined = model.rollout(context.latents, context.states, context.past_actions, candidates)
    except SHAPE_ERRORS as error:
        check_imagines(model, context, error)
        raise
    expected = (*candidates.shape[:2], *goal.shape)
    if imagined.shape != expected:
        raise BadValueError(
            f"{type(model).__name__}.rollout returned latents of shape {tuple(imagined.shape)}, "
            f"expected (candidates, horizon, tokens, width) = {tuple(expected)}."
        )
    return objective.of(imagined, goal, candidates)

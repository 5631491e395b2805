"""Energies of the candidates of one or several environments, batched where the model can."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from armchair.errors import BadValueError
from armchair.planners.energy import Objective, chunk_size, score, score_with_gradient
from armchair.planners.protocol import Context, LatentDynamics


class Problem(NamedTuple):
    """One environment's present and its goal latents (tokens, width)."""

    context: Context
    goal: Tensor


Question = tuple[Problem, Tensor, bool]
"""A problem, its candidates (candidates, horizon, 7), and whether gradients are wanted."""
Scores = tuple[Tensor, Tensor | None]


def answers(
    model: LatentDynamics, questions: Sequence[Question], objective: Objective, memory_mb: float
) -> list[Scores]:
    """Return energies, and gradients where wanted, in the order of the questions."""
    if len(questions) > 1 and _together(model, questions):
        return [(energies, None) for energies in _batched(model, questions, objective, memory_mb)]
    found: list[Scores] = []
    for (context, goal), candidates, gradient in questions:
        if gradient:
            found.append(
                score_with_gradient(model, context, candidates, goal, objective, memory_mb)
            )
        else:
            found.append((score(model, context, candidates, goal, objective, memory_mb), None))
    return found


def _together(model: LatentDynamics, questions: Sequence[Question]) -> bool:
    """Return whether one `rollout_batch` can answer: same shapes, no gradients."""
    shapes = {(q[0].context.latents.shape, q[1].shape) for q in questions}
    wants_gradient = any(gradient for _, _, gradient in questions)
    return hasattr(model, "rollout_batch") and len(shapes) == 1 and not wants_gradient


@torch.inference_mode()
def _batched(
    model: Any, questions: Sequence[Question], objective: Objective, memory_mb: float
) -> list[Tensor]:
    contexts = [problem.context for problem, _, _ in questions]
    candidates = torch.stack([asked for _, asked, _ in questions])
    lived = (
        torch.stack([context.latents for context in contexts]),
        torch.stack([context.states for context in contexts]),
        torch.stack([context.past_actions for context in contexts]),
    )
    chunk = max(1, chunk_size(contexts[0], candidates.shape[2], memory_mb) // len(contexts))
    columns: list[list[Tensor]] = [[] for _ in questions]
    for part in candidates.split(chunk, dim=1):
        imagined = model.rollout_batch(*lived, part)
        expected = (*part.shape[:3], *contexts[0].latents.shape[1:])
        if imagined.shape != expected:
            raise BadValueError(
                f"{type(model).__name__}.rollout_batch returned latents of shape "
                f"{tuple(imagined.shape)}, expected {tuple(expected)}."
            )
        for env, (problem, _, _) in enumerate(questions):
            columns[env].append(objective.of(imagined[env], problem.goal, part[env]))
    return [torch.cat(column) for column in columns]

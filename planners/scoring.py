"""Energies of the candidates of one or several environments, batched where the model can."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor

from armchair.errors import BadValueError
from armchair.planners.energy import Objective, chunk_size, score, score_with_gradient
from armchair.planners.protocol import Context, LatentDynamics
from armchair.planners.search import Ask


class Problem(NamedTuple):
    """One environment's present and its goal latents (tokens, width)."""

    context: Context
    goal: Tensor


Question = tuple[Problem, Ask]
"""A problem and what is asked about it."""
Scores = tuple[Tensor, Tensor | None]


def answers(
    model: LatentDynamics, questions: Sequence[Question], objective: Objective, memory_mb: float
) -> list[Scores]:
    """Return energies, and gradients where wanted, in the order of the questions."""
    if len(questions) > 1 and _together(model, questions):
        with _arithmetic(model, exact=questions[0][1].exact):
            batched = _batched(model, questions, objective, memory_mb)
        return [(energies, None) for energies in batched]
    found: list[Scores] = []
    for (context, goal), ask in questions:
        known = model, context, ask.candidates, goal, objective, memory_mb
        with _arithmetic(model, exact=ask.exact):
            found.append(score_with_gradient(*known) if ask.gradient else (score(*known), None))
    return found


def _arithmetic(model: LatentDynamics, *, exact: bool) -> AbstractContextManager[object]:
    """Return the context for exact energies: a model with a faster arithmetic says how to leave it
    by a method `exactly`."""
    choose = getattr(model, "exactly", None)
    return choose() if exact and choose is not None else nullcontext()


def _together(model: LatentDynamics, questions: Sequence[Question]) -> bool:
    """Return whether one `rollout_batch` can answer: same shapes, no gradients."""
    alike = {(p.context.latents.shape, ask.candidates.shape, ask.exact) for p, ask in questions}
    wants_gradient = any(ask.gradient for _, ask in questions)
    return hasattr(model, "rollout_batch") and len(alike) == 1 and not wants_gradient


@torch.inference_mode()
def _batched(
    model: Any, questions: Sequence[Question], objective: Objective, memory_mb: float
) -> list[Tensor]:
    contexts = [problem.context for problem, _ in questions]
    candidates = torch.stack([ask.candidates for _, ask in questions])
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
        for env, (problem, _) in enumerate(questions):
            columns[env].append(objective.of(imagined[env], problem.goal, part[env]))
    return [torch.cat(column) for column in columns]

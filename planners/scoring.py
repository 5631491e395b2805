"""Energies of the candidates of one or several environments, batched where the model can."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor

from armchair.errors import BadValueError
from armchair.planners.energy import (
    BothScales,
    Objective,
    Values,
    chunk_size,
    score,
    score_with_gradient,
    with_gradient,
)
from armchair.planners.protocol import (
    SHAPE_ERRORS,
    Context,
    LatentDynamics,
    check_imagines,
)
from armchair.planners.search import Ask

PADDING = 2
"""Environments are imagined together if none asks for so many times fewer candidates."""


class Problem(NamedTuple):
    """One environment's present and its goal latents (tokens, width)."""

    context: Context
    goal: Tensor


Question = tuple[Problem, Ask]
"""A problem and what is asked about it."""
Scores = tuple[Tensor, Tensor | None]


class _Part(NamedTuple):
    """Equally long candidates (rows, length, 7) of a question, and their rows (rows,) in it."""

    number: int
    problem: Problem
    ask: Ask
    rows: Tensor
    candidates: Tensor


def answers(
    model: LatentDynamics, questions: Sequence[Question], objective: Objective, memory_mb: float
) -> list[Scores]:
    """Return energies, and gradients where wanted, in the order of the questions.

    Energies are (candidates,), or (candidates, 2) where coarse ones are wanted, too.
    """
    found: list[Scores] = [_blank(ask) for _, ask in questions]
    for parts in _together(model, questions):
        wanted: Values = BothScales(objective) if parts[0].ask.coarse else objective
        with _arithmetic(model, exact=parts[0].ask.exact):
            if len(parts) > 1:
                scored = _batched(model, parts, wanted, memory_mb)
            else:
                scored = [_alone(model, parts[0], wanted, memory_mb)]
        for part, (values, slopes) in zip(parts, scored, strict=True):
            energies, gradients = found[part.number]
            energies[part.rows] = values.to(energies)
            if gradients is not None and slopes is not None:
                gradients[part.rows, : slopes.shape[1]] = slopes
    return found


def _blank(ask: Ask) -> Scores:
    count = len(ask.candidates)
    energies = ask.candidates.new_empty((count, 2) if ask.coarse else count)
    return energies, torch.zeros_like(ask.candidates) if ask.gradient else None


def _arithmetic(model: LatentDynamics, *, exact: bool) -> AbstractContextManager[object]:
    """Return the context for exact energies: a model with a faster arithmetic says how to leave it
    by a method `exactly`."""
    choose = getattr(model, "exactly", None)
    return choose() if exact and choose is not None else nullcontext()


def _parts(number: int, question: Question) -> Iterator[_Part]:
    """Yield what is asked, by length."""
    problem, ask = question
    if ask.lengths is None:
        rows = torch.arange(len(ask.candidates), device=ask.candidates.device)
        yield _Part(number, problem, ask, rows, ask.candidates)
        return
    for length in ask.lengths.unique().tolist():
        rows = (ask.lengths == length).nonzero()[:, 0]
        yield _Part(number, problem, ask, rows, ask.candidates[rows, :length])


def _together(model: LatentDynamics, questions: Sequence[Question]) -> Iterator[list[_Part]]:
    """Yield what one call answers: alike in length, context, arithmetic and need of gradients."""
    groups: dict[object, list[_Part]] = {}
    for number, question in enumerate(questions):
        for part in _parts(number, question):
            ask, length = part.ask, part.candidates.shape[1]
            together = hasattr(model, "rollout_batch")
            whose = part.problem.context.latents.shape if together else number
            kind = (whose, length, ask.exact, ask.gradient, ask.coarse)
            groups.setdefault(kind, []).append(part)
    for group in groups.values():
        left = sorted(group, key=lambda part: -len(part.candidates))
        while left:
            most = len(left[0].candidates)
            alike = [part for part in left if PADDING * len(part.candidates) > most]
            yield alike
            left = left[len(alike) :]


def _alone(model: LatentDynamics, part: _Part, values: Values, memory_mb: float) -> Scores:
    (context, goal), candidates = part.problem, part.candidates
    known = model, context, candidates, goal, values, memory_mb
    return score_with_gradient(*known) if part.ask.gradient else (score(*known), None)


def _batched(
    model: Any, parts: Sequence[_Part], objective: Values, memory_mb: float
) -> list[Scores]:
    """Return the parts' energies and gradients; shorter ones are padded with their last."""
    contexts = [part.problem.context for part in parts]
    most, gradient = len(parts[0].candidates), parts[0].ask.gradient
    candidates = torch.stack([_padded(part.candidates, most) for part in parts])
    lived = (
        torch.stack([context.latents for context in contexts]),
        torch.stack([context.states for context in contexts]),
        torch.stack([context.past_actions for context in contexts]),
    )

    def values(piece: Tensor) -> Tensor:
        """Return energies (parts, candidates)."""
        try:
            imagined = model.rollout_batch(*lived, piece)
        except SHAPE_ERRORS as error:
            check_imagines(model, contexts[0], error)
            raise
        expected = (*piece.shape[:3], *contexts[0].latents.shape[1:])
        if imagined.shape != expected:
            raise BadValueError(
                f"{type(model).__name__}.rollout_batch returned latents of shape "
                f"{tuple(imagined.shape)}, expected {tuple(expected)}."
            )
        rows = zip(imagined, parts, piece, strict=True)
        return torch.stack([objective.of(one, part.problem.goal, acts) for one, part, acts in rows])

    size = chunk_size(contexts[0], candidates.shape[2], memory_mb, gradient=gradient)
    pieces = candidates.split(max(1, size // len(contexts)), dim=1)
    if gradient:
        sloped = [with_gradient(model, values, piece) for piece in pieces]
        energies, slopes = (torch.cat(column, dim=1) for column in zip(*sloped, strict=True))
        found = zip(energies, slopes, parts, strict=True)
        return [(e[: len(p.candidates)], g[: len(p.candidates)]) for e, g, p in found]
    with torch.inference_mode():
        energies = torch.cat([values(piece) for piece in pieces], dim=1)
    return [(e[: len(p.candidates)], None) for e, p in zip(energies, parts, strict=True)]


def _padded(candidates: Tensor, count: int) -> Tensor:
    return torch.cat([candidates, candidates[-1:].expand(count - len(candidates), -1, -1)])

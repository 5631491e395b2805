"""The goal-conditioned energy: how far imagined latents are from the goal image's latents."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from armchair.errors import BadValueError
from armchair.planners.protocol import Context, LatentDynamics

ScoredSteps = Literal["last", "all"]
"""Which imagined steps the energy reads: the last (eq. 5) or the mean over all of them."""

CHUNK = 256
"""Candidates imagined at once: at most 0.4 GB of ViT-g latents (256 tokens of 1,408 floats)."""


def energy(predicted: Tensor, goal: Tensor) -> Tensor:
    """Return the mean absolute difference (...) of latents (..., tokens, width) to a goal, eq. (5).

    `goal` is (tokens, width), or anything that broadcasts against `predicted`.
    """
    return (predicted.float() - goal.float()).abs().mean(dim=(-2, -1))


@torch.inference_mode()
def score(
    model: LatentDynamics,
    context: Context,
    candidates: Tensor,
    goal: Tensor,
    steps: ScoredSteps = "last",
) -> Tensor:
    """Return the energy (candidates,) of each action sequence (candidates, horizon, 7).

    Raises `BadValueError` if the model imagines anything that is not finite.
    """
    parts = []
    for chunk in torch.split(candidates, CHUNK):
        imagined = model.rollout(context.latents, context.states, context.past_actions, chunk)
        per_step = energy(imagined[:, -1:] if steps == "last" else imagined, goal)
        parts.append(per_step.mean(dim=1))
    energies = torch.cat(parts)
    if not bool(torch.isfinite(energies).all()):
        raise BadValueError(
            "the world model imagined latents that are not finite numbers. Check the checkpoint, "
            "or set ARMCHAIR_FLOAT32=1 to rule out low precision."
        )
    return energies

"""Imagination through the model's own modules: with gradients, with extrinsics, on GPUs.

What is slower but does everything; on CPUs and without gradients `rollouts.py` gives the same.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from armchair.worldmodel import poses
from armchair.worldmodel.precision import autocast
from armchair.worldmodel.predictor import ACPredictor, PredictorCache
from armchair.worldmodel.rollouts import Context, picker


class Model(Protocol):
    """What is used of a world model."""

    predictor: ACPredictor

    def extend(
        self,
        latents: Tensor,
        states: Tensor,
        actions: Tensor,
        past: PredictorCache | None = None,
        extrinsics: Tensor | None = None,
    ) -> tuple[Tensor, PredictorCache]:
        """See `WorldModel.extend`."""
        ...


def imagine(
    model: Model, context: Context, candidates: Tensor, extrinsics: Tensor | None, chunk: int
) -> Tensor:
    """Return imagined latents (E, C, H, N, D) float32 of candidates (E, C, H, 7).

    extrinsics (E, T, 6) where the predictor reads them; `chunk` candidates at once. Gradients flow
    only if `candidates` asks for them.
    """
    window = model.predictor.config.context_frames
    outgrown = window is not None and context.latents.shape[1] + candidates.shape[2] - 1 > window
    rows = torch.arange(len(candidates)).repeat_interleave(candidates.shape[1])
    size = max(chunk // window, 1) if window and outgrown else chunk
    parts = zip(rows.split(size), candidates.flatten(0, 1).split(size), strict=True)
    imagined = []
    with torch.set_grad_enabled(candidates.requires_grad), autocast(candidates.device):
        past = None if outgrown else _remember(model, context, extrinsics)
        for row, actions in parts:
            pick = picker(row)
            camera = None if extrinsics is None else pick(extrinsics)
            lived = Context(*map(pick, context))
            if window and outgrown:
                imagined.append(_within_window(model, lived, actions, camera, window))
            else:
                shared = past if len(candidates) == 1 or past is None else past.rows(row)
                imagined.append(_onwards(model, lived, actions, camera, shared))
    together: Tensor = torch.cat(imagined).unflatten(0, candidates.shape[:2])
    return together


def _remember(model: Model, lived: Context, extrinsics: Tensor | None) -> PredictorCache | None:
    """Return the cache of all frames before the present; candidates share it."""
    latents, states, actions = lived
    if latents.shape[1] < 2:
        return None
    cameras = None if extrinsics is None else extrinsics[:, :-1]
    return model.extend(latents[:, :-1], states[:, :-1], actions, extrinsics=cameras)[1]


def _onwards(
    model: Model,
    lived: Context,
    candidates: Tensor,
    extrinsics: Tensor | None,
    past: PredictorCache | None,
) -> Tensor:
    """Return imagined latents (B, H, N, D); all but `lived` and cache are of B, those of B or 1."""
    count = len(candidates)
    latents = lived.latents[:, -1:].expand(count, -1, -1, -1)
    states = lived.states[:, -1:].expand(count, -1, -1)
    camera = None if extrinsics is None else extrinsics[:, -1:].expand(count, -1, -1)
    imagined = []
    for actions in candidates.split(1, dim=1):
        latents, past = model.extend(latents, states, actions, past, camera)
        states = poses.compose(states, actions)
        imagined.append(latents)
    return torch.cat(imagined, dim=1)


def _within_window(
    model: Model, lived: Context, candidates: Tensor, extrinsics: Tensor | None, window: int
) -> Tensor:
    """Return imagined latents (B, H, N, D); only the last `window` frames are looked at.

    Positions in time start anew with the window, so that no memory of layers can be kept.
    """
    count = len(candidates)
    z, s, a = (part.expand(count, *part.shape[1:]) for part in lived)
    camera = None if extrinsics is None else extrinsics.expand(count, -1, -1)
    steps = []
    for action in candidates.split(1, dim=1):
        a = torch.cat([a, action], dim=1)[:, -window:]
        z, s = z[:, -window:], s[:, -window:]
        now = None if camera is None else camera[:, -window:]
        steps.append(model.extend(z, s, a, extrinsics=now)[0][:, -1:])
        if now is not None:
            camera = torch.cat([now, now[:, -1:]], dim=1)  # it stays
        z = torch.cat([z, steps[-1]], dim=1)
        s = torch.cat([s, poses.compose(s[:, -1:], action)], dim=1)
    return torch.cat(steps, dim=1)

"""A plain, sound rendering of the paper's planner's rollout, to measure ours against.

Float32, PyTorch's fused attention, one network call per imagined step over the whole prefix (or as
much of it as the model looks back on): no cache, no shared past, no lower precision. The weights
are the model's own.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from armchair.planners.energy import energy
from armchair.planners.protocol import Context
from armchair.worldmodel import poses, rope
from armchair.worldmodel.model import WorldModel
from armchair.worldmodel.statistics import layer_normalised

TOGETHER = 64
"""Candidates in one network call: the size at which this runs fastest on a CPU."""


@torch.inference_mode()
def plain_energies(model: WorldModel, context: Context, candidates: Tensor, goal: Tensor) -> Tensor:
    """Return the energy (candidates,) of candidates (candidates, horizon, 7), eq. (5)."""
    with torch.autocast(model.device.type, enabled=False):
        parts = [_imagine(model, context, chunk)[:, -1] for chunk in candidates.split(TOGETHER)]
    return energy(torch.cat(parts), goal)


class PlainDynamics:
    """A world model in the plain rendering, for any planner."""

    def __init__(self, model: WorldModel) -> None:
        self._model = model

    def encode(self, frames: Tensor) -> Tensor:
        """Return the model's latents (batch, tokens, width)."""
        return self._model.encode(frames)

    @torch.inference_mode()
    def rollout(
        self, latents: Tensor, states: Tensor, past_actions: Tensor, candidates: Tensor
    ) -> Tensor:
        """Return imagined latents (candidates, horizon, tokens, width)."""
        context = Context(latents=latents, states=states, past_actions=past_actions)
        with torch.autocast(latents.device.type, enabled=False):
            parts = [_imagine(self._model, context, chunk) for chunk in candidates.split(TOGETHER)]
        return torch.cat(parts)


def _imagine(model: WorldModel, context: Context, candidates: Tensor) -> Tensor:
    """Return imagined latents (candidates, horizon, tokens, width)."""
    count, window = len(candidates), model.predictor.config.context_frames or 0
    latents = context.latents.expand(count, -1, -1, -1)
    states = context.states.expand(count, -1, -1)
    actions = context.past_actions.expand(count, -1, -1)
    for step in range(candidates.shape[1]):
        now = candidates[:, step : step + 1]
        actions = torch.cat([actions, now], dim=1)
        seen = (part[:, -window:] for part in (latents, states, actions))
        latents = torch.cat([latents, _next(model, *seen)], dim=1)
        states = torch.cat([states, poses.compose(states[:, -1:], now)], dim=1)
    return latents[:, -candidates.shape[1] :]


def _next(model: WorldModel, latents: Tensor, states: Tensor, actions: Tensor) -> Tensor:
    """Return the next latents (candidates, 1, tokens, width) of the whole prefix."""
    inputs = latents
    if model.statistics is not None:
        inputs = model.statistics.to_network(latents)
        states = poses.roll_to_sandbox(states)
    out = _network(
        model.predictor, inputs, model.scaling.states(states), model.scaling.actions(actions)
    )[:, -1:]
    return latents[:, -1:] + out if model.sandbox else layer_normalised(out)


def _network(predictor: Any, tokens: Tensor, states: Tensor, actions: Tensor) -> Tensor:
    """Return the predictor's output (candidates, time, tokens, width), every frame recomputed."""
    frames = tokens.shape[1]
    conditions = torch.stack(
        [predictor.action_encoder(actions), predictor.state_encoder(states)], dim=2
    )
    sequence = torch.cat([conditions, predictor.predictor_embed(tokens)], dim=2)
    size = sequence.shape[2]
    x, length = sequence.flatten(1, 2), frames * size
    tables = predictor.cosines[:length], predictor.sines[:length]
    bias = predictor.bias[:length, :length] if frames > 1 else None
    for block in predictor.predictor_blocks:
        qkv = block.attn.qkv(block.norm1(x)).unflatten(-1, (3, block.attn.heads, -1))
        queries, keys, values = qkv.permute(2, 0, 3, 1, 4)
        queries, keys = rope.rotate(torch.stack([queries, keys]), *tables)
        mixed = F.scaled_dot_product_attention(queries, keys, values, attn_mask=bias)
        x = x + block.attn.proj(mixed.transpose(1, 2).flatten(2))
        x = x + block.mlp(block.norm2(x))
    patches = x.unflatten(1, (frames, size))[:, :, -tokens.shape[2] :]
    out: Tensor = predictor.predictor_proj(predictor.predictor_norm(patches))
    return out


def multiplications(
    model: WorldModel, context_frames: int, horizon: int, *, cached: bool = False
) -> float:
    """Return the floating-point operations of the matrix products of one candidate's rollout.

    The whole prefix at every step; or, if `cached`, only those frames that candidates do not share
    and that no step before has done, as far as the model's window allows.
    """
    config = model.predictor.config
    weights = sum(w.numel() for w in model.predictor.parameters() if w.ndim == 2)
    size = config.tokens_per_frame + config.conditions
    window = config.context_frames or context_frames + horizon
    total = 0.0
    for frames in range(context_frames, context_frames + horizon):
        length = min(frames, window) * size
        slides = frames > max(window, context_frames)
        done = size if cached and not slides else length
        total += 2 * done * (weights + 2 * config.depth * length * config.width)
    return total

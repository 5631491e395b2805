"""What a world model imagines, in pixels and in numbers (V-JEPA 2, appendix B.3, figure 15)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from armchair.errors import BadValueError
from armchair.poses import ACTION_DIM
from armchair.worldmodel.decoding.learner import as_seen, psnr
from armchair.worldmodel.decoding.network import FrameDecoder
from armchair.worldmodel.model import WorldModel

GRIPPER = 6
"""Index of the gripper in a state and in an action."""
OPEN, CLOSED = 0.0, 1.0
Frames = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Imagination:
    """A rollout from frame 0; all frames (T, S, S, 3) RGB, as the model sees them."""

    real: Frames
    decoded: Frames
    """Decoded from the encoding of each real frame: the most that the decoder can show."""
    imagined: Frames
    """Decoded from frame 0 and from what the predictor makes of it, T - 1 steps on."""
    errors: tuple[float, ...]
    """Mean |predicted − encoded| of LayerNormed tokens, at horizons 1 … T - 1."""
    copy_errors: tuple[float, ...]
    """The same for "nothing moves"."""
    decoder_psnr: float
    """Of decoded against real frames, dB."""


@torch.no_grad()
def imagine(
    model: WorldModel,
    decoder: FrameDecoder,
    frames: Frames,
    states: NDArray[np.float64],
    actions: NDArray[np.float64],
) -> Imagination:
    """Roll out T - 1 actions (T - 1, 7), metres and radians, from the first of T real frames.

    frames (T, H, W, 3) uint8 and states (T, 7) one model step apart; only the first of each is
    shown to the predictor.
    """
    latents = model.encode(frames)
    tokens = model.tokens_of(latents)
    predicted = roll_out(model, latents[:1], states[0], actions)
    real = as_seen(torch.from_numpy(np.ascontiguousarray(frames)), model.encoder.config.side)
    decoded = decoder.pictures(tokens)
    return Imagination(
        real=_array(255 * real),
        decoded=_array(decoded),
        imagined=_array(decoder.pictures(torch.cat([tokens[:1], predicted]))),
        errors=_errors(predicted, tokens),
        copy_errors=_errors(tokens[:1].expand_as(predicted), tokens),
        decoder_psnr=psnr(decoded.float().cpu() / 255, real),
    )


@torch.no_grad()
def open_and_closed(
    model: WorldModel,
    decoder: FrameDecoder,
    frame: Frames,
    state: NDArray[np.float64],
    actions: NDArray[np.float64],
) -> tuple[Frames, Frames]:
    """Return what the same motion looks like with the gripper open, and with it closed.

    frame (H, W, 3), state (7,), actions (H, 7). Each result has H + 1 frames (S, S, 3); the first
    action opens or closes the gripper wholly, the others leave it.
    """
    latents = model.encode(frame[None])
    start = model.tokens_of(latents)
    rows = []
    for target in (OPEN, CLOSED):
        changed = with_gripper(actions, float(state[GRIPPER]), target)
        predicted = roll_out(model, latents, state, changed)
        rows.append(_array(decoder.pictures(torch.cat([start, predicted]))))
    return rows[0], rows[1]


def with_gripper(actions: NDArray[np.float64], now: float, target: float) -> NDArray[np.float64]:
    """Return actions (H, 7) whose first takes the gripper from `now` to `target`, to stay there."""
    changed = actions.copy()
    changed[:, GRIPPER] = 0.0
    changed[0, GRIPPER] = target - now
    return changed


def roll_out(
    model: WorldModel, latents: Tensor, state: NDArray[np.float64], actions: NDArray[np.float64]
) -> Tensor:
    """Return predicted tokens (H, N, D), LayerNormed, of actions (H, 7) from latents (1, N, D)."""
    if actions.ndim != 2 or actions.shape[1] != ACTION_DIM or not len(actions):
        raise BadValueError(f"actions have shape {actions.shape}, expected (steps, {ACTION_DIM}).")
    candidate = torch.from_numpy(actions).float().unsqueeze(0)
    now = torch.from_numpy(state).float().unsqueeze(0)
    return model.tokens_of(model.rollout(latents, now, candidate[0, :0], candidate)[0])


def _errors(predicted: Tensor, tokens: Tensor) -> tuple[float, ...]:
    known = min(len(predicted), len(tokens) - 1)
    difference = (predicted[:known] - tokens[1 : known + 1]).abs().mean((1, 2))
    return tuple(difference.tolist())


def _array(frames: Tensor) -> Frames:
    return frames.round().to(torch.uint8).cpu().numpy()

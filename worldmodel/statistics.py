"""Units of a world model's inputs: what one unit of a latent, a state and an action means.

Sandbox latents are measured in units of within-episode *change*: in LayerNormed tokens a moving arm
is a ripple of 0.03 on a static background of 1, and an energy or a loss there is nearly all
background.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from armchair.errors import BadValueError
from armchair.poses import ACTION_DIM, STATE_DIM

CHANGE_STEPS = 4
"""Changes are measured over 1 … 4 model frames, as far as planning looks."""
SCALE_FLOOR = 0.1
"""Smallest scale, as a share of the median channel's: a dead channel must not become loud."""


def layer_normalised(raw: Tensor) -> Tensor:
    """Return tokens (..., D) with mean 0 and deviation 1 over channels, without parameters."""
    return F.layer_norm(raw.float(), raw.shape[-1:])


class LatentStatistics(nn.Module):
    """Per channel: mean and deviation of LayerNormed tokens, and the deviation of their change."""

    mean: Tensor
    data_scale: Tensor
    change_scale: Tensor

    def __init__(self, mean: Tensor, data_scale: Tensor, change_scale: Tensor) -> None:
        super().__init__()
        named = {"mean": mean, "data_scale": data_scale, "change_scale": change_scale}
        for name, value in named.items():
            if value.shape != mean.shape or value.ndim != 1:
                raise BadValueError(f"{name} has shape {tuple(value.shape)}, expected (channels,).")
            if name != "mean" and not bool((value > 0).all()):
                raise BadValueError(f"{name} has values that are not positive; all must be.")
            self.register_buffer(name, value.detach().float().clone())

    def to_latents(self, raw: Tensor) -> Tensor:
        """Return latents (..., D) in units of change, of the encoder's raw tokens (..., D)."""
        return (layer_normalised(raw) - self.mean) / self.change_scale

    def to_tokens(self, latents: Tensor) -> Tensor:
        """Return LayerNormed tokens (..., D) of latents (..., D); inverse of `to_latents`."""
        return latents * self.change_scale + self.mean

    def to_network(self, latents: Tensor) -> Tensor:
        """Return latents (..., D) standardised for the predictor to read."""
        return latents * (self.change_scale / self.data_scale)

    @property
    def unit(self) -> str:
        """What a latent of 1 is: a channel's spread over the data, or that of its change."""
        return "data" if torch.equal(self.change_scale, self.data_scale) else "change"

    def by_data(self) -> LatentStatistics:
        """Return statistics whose unit is a channel's spread over the data, not its change."""
        return LatentStatistics(self.mean, self.data_scale, self.data_scale)

    @classmethod
    def identity(cls, width: int) -> LatentStatistics:
        """Return statistics that leave LayerNormed tokens as they are."""
        return cls(torch.zeros(width), torch.ones(width), torch.ones(width))

    @classmethod
    def measure(cls, clips: Iterable[Tensor]) -> LatentStatistics:
        """Return the statistics of clips, each the raw tokens (T, N, D) of successive model frames.

        The change is z(t+k) − z(t) within a clip, k = 1 … 4, pooled over times and positions.
        """
        counts = [0, 0]
        sums = [torch.zeros((), dtype=torch.float64)] * 3
        for clip in clips:
            z = layer_normalised(clip).double()
            changes = [z[k:] - z[:-k] for k in range(1, min(CHANGE_STEPS, len(z) - 1) + 1)]
            counts[0] += z[..., 0].numel()
            counts[1] += sum(change[..., 0].numel() for change in changes)
            parts = (z, z.square(), torch.cat(changes).square() if changes else z[:0])
            sums = [total + part.sum((0, 1)) for total, part in zip(sums, parts, strict=True)]
        if not counts[1]:
            raise BadValueError("no clip has two frames, so there is no change to measure.")
        mean = sums[0] / counts[0]
        variance = (sums[1] / counts[0] - mean.square()).clamp(min=0)
        return cls(mean, _floored(variance.sqrt()), _floored((sums[2] / counts[1]).sqrt()))


def _floored(scale: Tensor) -> Tensor:
    return scale.clamp(min=max(float(SCALE_FLOOR * scale.median()), 1e-6))


class InputScaling(nn.Module):
    """Standardises states and scales actions for the predictor; the default changes nothing."""

    state_mean: Tensor
    state_scale: Tensor
    action_scale: Tensor

    def __init__(
        self,
        state_mean: Tensor | None = None,
        state_scale: Tensor | None = None,
        action_scale: Tensor | None = None,
    ) -> None:
        super().__init__()
        defaults = {
            "state_mean": (state_mean, torch.zeros(STATE_DIM)),
            "state_scale": (state_scale, torch.ones(STATE_DIM)),
            "action_scale": (action_scale, torch.ones(ACTION_DIM)),
        }
        for name, (given, default) in defaults.items():
            value = default if given is None else given.detach().float().clone()
            if value.shape != default.shape:
                raise BadValueError(f"{name} has shape {tuple(value.shape)}, expected (7,).")
            if name != "state_mean" and not bool((value > 0).all()):
                raise BadValueError(f"{name} has values that are not positive; all must be.")
            self.register_buffer(name, value)

    def states(self, states: Tensor) -> Tensor:
        """Return states (..., 7) as the predictor reads them."""
        return (states - self.state_mean) / self.state_scale

    def actions(self, actions: Tensor) -> Tensor:
        """Return actions (..., 7) as the predictor reads them."""
        return actions / self.action_scale

"""Fake world models whose best action is known: latents are the position and the gripper."""

from __future__ import annotations

import torch
from torch import Tensor

from armchair.planners import Context

SEEN = torch.tensor([0, 1, 2, 6])


def context(frames: int = 1, place: float = 0.0) -> Context:
    """Return a context whose latents all lie at `place`."""
    return Context(
        latents=torch.full((frames, 1, 4), place),
        states=torch.zeros(frames, 7),
        past_actions=torch.zeros(frames - 1, 7),
    )


class LinearModel:
    """Latents (1 token, 4 wide) of a frame are its first pixels / 100; actions add to them."""

    def __init__(self) -> None:
        self.encoded: list[Tensor] = []
        self.contexts: list[tuple[Tensor, Tensor, Tensor]] = []
        self.imagined = 0

    def encode(self, frames: Tensor) -> Tensor:
        self.encoded.append(frames)
        return frames.reshape(len(frames), -1)[:, None, :4].float() / 100.0

    def rollout(
        self, latents: Tensor, states: Tensor, past_actions: Tensor, candidates: Tensor
    ) -> Tensor:
        self.contexts.append((latents, states, past_actions))
        self.imagined += candidates.shape[0] * candidates.shape[1]
        return latents[-1] + candidates[..., SEEN].cumsum(dim=1)[:, :, None]


class BatchedLinearModel(LinearModel):
    """The same for several environments at once; counts the calls."""

    def __init__(self) -> None:
        super().__init__()
        self.batches = 0

    def rollout_batch(
        self, latents: Tensor, states: Tensor, past_actions: Tensor, candidates: Tensor
    ) -> Tensor:
        self.batches += 1
        moved = candidates[..., SEEN].cumsum(dim=2)[:, :, :, None]
        return latents[:, -1][:, None, None] + moved


class SometimesBroken(LinearModel):
    """Imagines no number wherever x is negative."""

    def rollout(self, *arguments: Tensor) -> Tensor:
        imagined = super().rollout(*arguments)
        broken = arguments[-1][:, :1, :1, None] < 0
        return imagined.masked_fill(broken, float("nan"))

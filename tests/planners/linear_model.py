"""A fake world model whose best action is known: latents are the position and the gripper."""

from __future__ import annotations

import torch
from torch import Tensor

SEEN = torch.tensor([0, 1, 2, 6])


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

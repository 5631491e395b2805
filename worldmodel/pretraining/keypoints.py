"""Keypoints: where a few things stand in a frame, found by one map that is the same everywhere.

After Jakab et al. (2018) and the Transporter of Kulkarni et al. (2019): a map over the tokens for
each keypoint, and the mean place under its softmax. Unlike a code that is read from all tokens at
their fixed places, what is learnt of a thing in one place holds in every other.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

SPREAD = 0.7
"""Standard deviation, in patches, of the Gaussian by which a token hears of a keypoint."""


class Keypoints(nn.Module):
    """`count` keypoints of tokens (B, N, D) on a grid.

    Places are (row, column) in patches from the middle of the picture. Every token adds its terms
    (share, down, right) to a keypoint's place: its own place times the share, and the rest.
    """

    places: Tensor

    def __init__(self, count: int, width: int, grid: tuple[int, int]) -> None:
        super().__init__()
        self.count = count
        self.find, self.line = nn.Linear(width, 3 * count), nn.Linear(width, 3 * count)
        nn.init.zeros_(self.line.weight)
        rows, columns = (torch.arange(side) - (side - 1) / 2 for side in grid)
        self.register_buffer("places", torch.cartesian_prod(rows, columns), persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return terms (B, N, count, 3) float32 of tokens (B, N, D).

        Shares are a softmax over the tokens; what is down and right of a token counts by its share.
        """
        scores, offsets = self._by_keypoint(self.find(tokens)).split([1, 2], 3)
        shares = scores.softmax(1)
        return torch.cat([shares, shares * offsets.tanh()], dim=3)

    def place(self, terms: Tensor) -> Tensor:
        """Return places (B, count, 2) from terms (B, N, count, 3)."""
        found: Tensor = (terms[..., :1] * self.places.unsqueeze(1) + terms[..., 1:]).sum(1)
        return found

    def gap(self, tokens: Tensor, terms: Tensor) -> Tensor:
        """Return how far a linear map of the tokens is from saying the same, in patches.

        It learns to, and so do the tokens; the terms do not adapt to it. To the mean distance of
        places per axis are added the squares of what single terms lack.
        """
        terms, linear = terms.detach(), self._by_keypoint(self.line(tokens))
        away = (self.place(linear) - self.place(terms)).abs().mean()
        return away + (linear - terms).square().sum((1, 3)).mean()

    def nearness(self, found: Tensor) -> Tensor:
        """Return what every token hears of places (B, count, 2): (B, N, 3 * count).

        Three numbers a keypoint: a Gaussian of the distance, and it times the vector to there.
        """
        away = found.unsqueeze(1) - self.places.unsqueeze(1)
        near = torch.exp(-away.square().sum(3, keepdim=True) / (2 * SPREAD**2))
        return torch.cat([near, near * away], dim=3).flatten(2)

    def _by_keypoint(self, read: Tensor) -> Tensor:
        numbers: Tensor = read.float().unflatten(2, (self.count, 3))
        return numbers

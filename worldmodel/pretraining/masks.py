"""Multiblock masks (V-JEPA 2, section 2.1; Bardes et al., 2024): which tokens the student sees.

A mask is a union of blocks on the patch grid, over the full duration of the clip. The size of the
blocks is drawn once per batch and their places once per clip; then the kept tokens of all clips are
cut to one count, and the hidden ones to another, so that tensors stay rectangular.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from armchair.errors import BadValueError

MAX_DRAWS = 100
"""Draws of block places before a clip takes a random set of kept tokens instead."""


@dataclass(frozen=True, kw_only=True)
class MaskConfig:
    """One kind of mask; each kind has a mask token of its own."""

    blocks: int
    """Blocks whose union is hidden."""
    spatial_scale: float
    """Area of a block as a share of the frame, in (0, 1]."""
    aspect: tuple[float, float] = (0.75, 1.5)
    """Range of height / width of a block."""
    min_kept: int = 4
    """Patches per frame that stay visible at least."""

    def __post_init__(self) -> None:
        if not 0 < self.spatial_scale <= 1 or self.blocks < 1 or self.min_kept < 1:
            raise BadValueError(
                f"mask of {self.blocks} blocks at scale {self.spatial_scale}, {self.min_kept} "
                "kept: blocks and min_kept are at least 1 and the scale is in (0, 1]."
            )
        low, high = self.aspect
        if not 0 < low <= high < math.inf:
            raise BadValueError(f"mask: aspect {self.aspect} must be positive and ordered.")


PAPER_MASKS = (MaskConfig(blocks=8, spatial_scale=0.15), MaskConfig(blocks=2, spatial_scale=0.7))
"""Short-range and long-range masks of the paper."""


@dataclass(frozen=True, kw_only=True)
class Mask:
    """Token positions of one kind of mask: `kept` (B, K) and `hidden` (B, M) int64, increasing."""

    kept: Tensor
    hidden: Tensor

    def to(self, device: torch.device) -> Mask:
        """Return the mask on a device."""
        return Mask(kept=self.kept.to(device), hidden=self.hidden.to(device))


def sample_mask(
    config: MaskConfig,
    grid: tuple[int, int],
    tubelets: int,
    batch: int,
    generator: torch.Generator,
) -> Mask:
    """Draw the masks of a batch of clips of `tubelets` × grid tokens."""
    rows, columns = grid
    visible = _sample_visible(config, grid, batch, generator).flatten(1)
    counts = visible.sum(1)
    kept = _choose(visible, int(counts.min()), generator)
    hidden = _choose(~visible, rows * columns - int(counts.max()), generator)
    return Mask(
        kept=_over_time(kept, tubelets, rows * columns),
        hidden=_over_time(hidden, tubelets, rows * columns),
    )


def _block_size(
    config: MaskConfig, grid: tuple[int, int], generator: torch.Generator
) -> tuple[int, int]:
    low, high = config.aspect
    aspect = low + (high - low) * torch.rand((), generator=generator).item()
    area = int(config.spatial_scale * grid[0] * grid[1])
    height = min(max(round(math.sqrt(area * aspect)), 1), grid[0])
    width = min(max(round(math.sqrt(area / aspect)), 1), grid[1])
    return height, width


def _sample_visible(
    config: MaskConfig, grid: tuple[int, int], batch: int, generator: torch.Generator
) -> Tensor:
    """Return (B, rows, columns) bool, False under a block, at least `min_kept` True per clip."""
    height, width = _block_size(config, grid, generator)
    min_kept = min(config.min_kept, grid[0] * grid[1] - 1)
    visible = torch.zeros(batch, *grid, dtype=torch.bool)
    todo = torch.arange(batch)
    for _ in range(MAX_DRAWS):
        draw = _place_blocks(len(todo), config.blocks, (height, width), grid, generator)
        good = (draw.flatten(1).sum(1) >= min_kept) & ~draw.flatten(1).all(1)
        visible[todo[good]] = draw[good]
        todo = todo[~good]
        if len(todo) == 0:
            return visible
    scattered = torch.rand(len(todo), grid[0] * grid[1], generator=generator)
    chosen = scattered.argsort(1).argsort(1) < min_kept
    visible[todo] = chosen.unflatten(1, grid)
    return visible


def _place_blocks(
    count: int,
    blocks: int,
    size: tuple[int, int],
    grid: tuple[int, int],
    generator: torch.Generator,
) -> Tensor:
    spans = []
    for length, cells in zip(size, grid, strict=True):
        start = torch.randint(cells - length + 1, (count, blocks, 1), generator=generator)
        place = torch.arange(cells)
        spans.append((place >= start) & (place < start + length))
    return ~(spans[0].unsqueeze(-1) & spans[1].unsqueeze(-2)).any(1)


def _choose(allowed: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Return `count` random positions (B, count), increasing, where `allowed` (B, P) is True."""
    order = torch.rand(allowed.shape, generator=generator) + (~allowed).float()
    return order.argsort(1)[:, :count].sort(1).values


def _over_time(positions: Tensor, tubelets: int, tokens_per_frame: int) -> Tensor:
    offsets = torch.arange(tubelets) * tokens_per_frame
    return (offsets.view(1, -1, 1) + positions.unsqueeze(1)).flatten(1)

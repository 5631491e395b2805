"""Rotary position embeddings in the form that V-JEPA 2 was trained with.

Each head's channels are cut into three equal parts (time, row, column) plus a rest that does not
turn. Within a part of 2n channels, channel pairs (0, 1), (2, 3), … turn, but the n frequencies are
laid out as f0 … fn-1, f0 … fn-1 over the *channels*: the two channels of a pair do not share an
angle. It looks wrong, and official weights need it.
"""

from __future__ import annotations

import torch
from torch import Tensor

BASE = 10000.0


def part_width(head_width: int) -> int:
    """Return the channels (even) that each of time, row and column gets of a head's channels."""
    return 2 * (head_width // 3 // 2)


def angles(positions: Tensor, width: int) -> Tensor:
    """Return angles (..., width) in radians of positions (...), frequencies repeated end to end."""
    half = width // 2
    frequencies = BASE ** -(torch.arange(half, dtype=torch.float64) / half)
    return torch.cat([positions.double().unsqueeze(-1) * frequencies] * 2, dim=-1)


def predictor_tables(
    frames: int, grid: tuple[int, int], conditions: int, head_width: int
) -> tuple[Tensor, Tensor]:
    """Return cosines and sines, each (frames, conditions + rows * columns, head_width), float32.

    Of every frame the first `conditions` tokens (action, state, …) turn with time alone; patches
    turn with time, row and column. Columns are measured in rows' units when the grid is not square.
    """
    rows, columns = grid
    width = part_width(head_width)
    table = torch.zeros(frames, conditions + rows * columns, head_width, dtype=torch.float64)
    table[..., :width] = angles(torch.arange(frames), width).unsqueeze(1)
    row = torch.arange(rows).repeat_interleave(columns)
    column = torch.arange(columns).repeat(rows) * (rows / columns)
    table[:, conditions:, width : 2 * width] = angles(row, width)
    table[:, conditions:, 2 * width : 3 * width] = angles(column, width)
    return table.cos().float(), table.sin().float()


def rotate(x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    """Return x (..., L, head_width) turned by tables (L, head_width), in x's number format."""
    even, odd = x[..., ::2], x[..., 1::2]
    turned = torch.stack((-odd, even), dim=-1).flatten(-2)
    return x * cosines.to(x.dtype) + turned * sines.to(x.dtype)

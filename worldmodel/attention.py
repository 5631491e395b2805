"""Transformer block of the action-conditioned predictor: attention with rotary tables, MLP, cache.

Parameter names follow Meta's checkpoints (`norm1`, `attn.qkv`, `attn.proj`, `norm2`, `mlp.fc1`, …).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from armchair.worldmodel import rope
from armchair.worldmodel.attend import attend

NORM_EPSILON = 1e-6
"""LayerNorm's, as V-JEPA 2 was trained."""


class KeysValues(NamedTuple):
    """What one attention layer remembers of earlier frames: (B, heads, L, head width) each."""

    keys: Tensor
    values: Tensor


class Placement(NamedTuple):
    """Where the L query tokens stand: rotary tables (L, head width), bias (L, past + L) or None."""

    cosines: Tensor
    sines: Tensor
    bias: Tensor | None


class Attention(nn.Module):
    """Multi-head attention over the new tokens and the remembered ones."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(
        self, x: Tensor, place: Placement, past: KeysValues | None = None
    ) -> tuple[Tensor, KeysValues]:
        """Return the output (B, L, width) and keys and values of past and new tokens together.

        A past of batch 1 is shared by all B rows.
        """
        qkv = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        queries, keys = rope.rotate(qkv[:2], place.cosines, place.sines).unbind(0)
        now = KeysValues(keys, qkv[2])
        if past is not None:
            now = KeysValues(*(_append(old, new) for old, new in zip(past, now, strict=True)))
        mixed = attend(queries, now.keys, now.values, place.bias)
        return self.proj(mixed.transpose(1, 2).flatten(2)), now


def _append(old: Tensor, new: Tensor) -> Tensor:
    return torch.cat([old.expand(len(new), -1, -1, -1), new], dim=2)


def shrink_outputs(blocks: Iterable[Iterable[nn.Linear]]) -> None:
    """Divide the weights of block n's maps onto the residual stream, n from 1, by sqrt(2 n)."""
    for number, outputs in enumerate(blocks, start=1):
        for output in outputs:
            output.weight.data.div_(math.sqrt(2.0 * number))


class MLP(nn.Module):
    """Two affine maps around a GELU."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """Return (..., width) of (..., width)."""
        out: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return out


class Block(nn.Module):
    """Pre-norm attention and MLP, each with a residual connection."""

    def __init__(self, width: int, heads: int, mlp_ratio: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.mlp = MLP(width, int(width * mlp_ratio))

    def forward(
        self, x: Tensor, place: Placement, past: KeysValues | None = None
    ) -> tuple[Tensor, KeysValues]:
        """Return the tokens (B, L, width) after the block, and its keys and values so far."""
        mixed, memory = self.attn(self.norm1(x), place, past)
        x = x + mixed
        return x + self.mlp(self.norm2(x)), memory

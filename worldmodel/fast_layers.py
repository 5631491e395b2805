"""V-JEPA 2 layers with the weights of `transformers` and less work per step, for training on CPUs.

The same numbers as `VJEPA2Layer` (a test holds the two together), but rotary tables are made once
per grid rather than in every layer, and query, key and value are one product.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from armchair.worldmodel import rope
from armchair.worldmodel.attend import attend


@dataclass(frozen=True, kw_only=True)
class RotaryTables:
    """Cosines and pair-signed sines of positions, each (..., tokens, 1, head_width)."""

    cosines: Tensor
    sines: Tensor

    def at(self, positions: Tensor) -> RotaryTables:
        """Return the tables of chosen positions (B, K), from tables of all positions (P, …)."""
        return RotaryTables(cosines=self.cosines[positions], sines=self.sines[positions])

    def to(self, device: torch.device) -> RotaryTables:
        """Return the tables on a device."""
        return RotaryTables(cosines=self.cosines.to(device), sines=self.sines.to(device))

    def rotate(self, x: Tensor) -> Tensor:
        """Return x (B, tokens, heads, head_width), turned in pairs of channels."""
        swapped = x.unflatten(-1, (-1, 2)).flip(-1).flatten(-2)
        turned: Tensor = x * self.cosines.to(x.dtype) + swapped * self.sines.to(x.dtype)
        return turned


def video_tables(tubelets: int, grid: tuple[int, int], head_width: int) -> RotaryTables:
    """Return tables (tubelets * rows * columns, 1, head_width) of a clip's token positions."""
    rows, columns = grid
    width = rope.part_width(head_width)
    index = torch.arange(tubelets * rows * columns)
    table = torch.zeros(len(index), head_width, dtype=torch.float64)
    axes = (index // (rows * columns), index // columns % rows, index % columns)
    for part, axis in enumerate(axes):
        table[:, part * width : (part + 1) * width] = rope.angles(axis, width)
    signs = torch.tensor([-1.0, 1.0], dtype=torch.float64).repeat(head_width // 2)
    return RotaryTables(
        cosines=table.cos().float().unsqueeze(1),
        sines=(table.sin() * signs).float().unsqueeze(1),
    )


def self_attention(attention: Any, hidden: Tensor, tables: RotaryTables) -> Tensor:
    """Return what `VJEPA2RopeAttention` returns for hidden (B, L, width) at the tables' places."""
    parts = (attention.query, attention.key, attention.value)
    weight = torch.cat([p.weight for p in parts])
    bias = torch.cat([p.bias for p in parts]) if parts[0].bias is not None else None
    qkv = F.linear(hidden, weight, bias).unflatten(-1, (3, attention.num_attention_heads, -1))
    query, key, value = qkv.unbind(2)
    turned = (tables.rotate(query), tables.rotate(key), value)
    mixed = attend(*(part.transpose(1, 2) for part in turned))
    projected: Tensor = attention.proj(mixed.transpose(1, 2).flatten(2))
    return projected


def through_layers(
    layers: Iterable[nn.Module],
    hidden: Tensor,
    tables: RotaryTables,
    *,
    checkpointing: bool = False,
) -> Tensor:
    """Return hidden (B, L, width) after `VJEPA2Layer`s without stochastic depth.

    With `checkpointing`, activations are computed again in the backward pass.
    """
    for layer in layers:
        if checkpointing and torch.is_grad_enabled():
            hidden = checkpoint(_through, layer, hidden, tables, use_reentrant=False)
        else:
            hidden = _through(layer, hidden, tables)
    return hidden


def _through(layer: Any, hidden: Tensor, tables: RotaryTables) -> Tensor:
    hidden = hidden + self_attention(layer.attention, layer.norm1(hidden), tables)
    out: Tensor = hidden + layer.mlp(layer.norm2(hidden))
    return out

"""Scaled dot-product attention, in the way that is fastest where it runs.

On CPUs, PyTorch's fused kernel is slow in bfloat16 for the short sequences of small models: written
out as two matrix products and a softmax, attention runs 1.5 times as fast forward and 3–10 times as
fast backward (heads of 32 and 64 channels, 64–528 tokens). Elsewhere, and for long sequences whose
scores would fill the memory, the fused kernel is used.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import AttentionInterface

LONGEST_WRITTEN_OUT = 1024
"""Keys; beyond, the scores of a batch take gigabytes."""
TRANSFORMERS_NAME = "armchair"
"""The name under which `transformers` models find this attention (`attn_implementation`)."""


def attend(queries: Tensor, keys: Tensor, values: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return softmax(q kᵀ / √d + bias) v, shape (B, heads, L, d).

    queries (B, heads, L, d); keys, values (B, heads, S, d); bias (L, S): 0 where a query may look
    and -inf where not, or None for everywhere.
    """
    bias = None if bias is None else bias.to(queries.dtype)
    if queries.device.type != "cpu" or keys.shape[-2] > LONGEST_WRITTEN_OUT:
        return F.scaled_dot_product_attention(queries, keys, values, attn_mask=bias)
    queries, keys, values = queries.contiguous(), keys.contiguous(), values.contiguous()
    scores = (queries * queries.shape[-1] ** -0.5) @ keys.transpose(-1, -2)
    if bias is not None:
        scores.add_(bias)
    return torch.matmul(scores.softmax(-1), values)


def block_causal_bias(frames: int, tokens_per_frame: int) -> Tensor:
    """Return the bias (L, L), L = frames * tokens: a token sees its own and all earlier frames."""
    frame = torch.arange(frames).repeat_interleave(tokens_per_frame)
    return torch.zeros(len(frame), len(frame)).masked_fill(frame[:, None] < frame, -torch.inf)


def _for_transformers(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    **options: Any,
) -> tuple[Tensor, None]:
    # V-JEPA 2 scales by 1/√d, masks nothing and drops nothing out: the options hold nothing else.
    return attend(query, key, value, attention_mask).transpose(1, 2).contiguous(), None


AttentionInterface.register(TRANSFORMERS_NAME, _for_transformers)

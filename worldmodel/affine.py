"""Matrix products with a bias, and with a GELU after it, in as few passes as the machine offers.

In bfloat16 on CPUs, oneDNN adds the bias and applies the activation to what is still in registers;
`torch.nn.functional.linear` writes the bias first and reads the sum again. The operators are those
that `torch.compile` uses; where a build of PyTorch lacks them, or they do not agree with `linear`,
`linear` does the work.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_operators: Any = torch.ops.mkldnn


class Affine(NamedTuple):
    """Weight (out, in) and bias (out,) of a matrix product; `blocked` is the weight in the order
    that oneDNN likes, or None where `linear` is to do the work."""

    weight: Tensor
    bias: Tensor
    blocked: Tensor | None

    @classmethod
    def of(cls, linear: nn.Linear, dtype: torch.dtype) -> Affine:
        """Return a layer's weights in a number format."""
        return cls.make(linear.weight.detach(), linear.bias.detach(), dtype)

    @classmethod
    def make(cls, weight: Tensor, bias: Tensor, dtype: torch.dtype) -> Affine:
        """Return weights in a number format."""
        weight, bias = weight.to(dtype), bias.to(dtype)
        fused = dtype == torch.bfloat16 and weight.device.type == "cpu" and fuses()
        return cls(weight, bias, _blocked(weight) if fused else None)

    def __call__(self, x: Tensor) -> Tensor:
        """Return (..., out) of (..., in), in the weight's number format."""
        x = x.to(self.weight.dtype)
        if self.blocked is None:
            return F.linear(x, self.weight, self.bias)
        return _fused(x, self.blocked, self.bias, "none")

    def gelu(self, x: Tensor) -> Tensor:
        """Return the GELU of the same."""
        if self.blocked is None:
            in_place: Tensor = torch.ops.aten.gelu_(self(x))
            return in_place
        return _fused(x.to(self.weight.dtype), self.blocked, self.bias, "gelu")


@cache
def fuses() -> bool:
    """Return whether this machine's bfloat16 operators are there and agree with `linear`."""
    ramp = torch.linspace(-1.0, 1.0, 64).view(8, 8).bfloat16()
    bias = ramp[3]
    try:
        found = [_fused(ramp, _blocked(ramp), bias, after) for after in ("none", "gelu")]
    except (AttributeError, RuntimeError, TypeError):
        return False
    plain = F.linear(ramp, ramp, bias)
    return all(
        torch.allclose(ours.float(), theirs.float(), rtol=0.02, atol=0.02)
        for ours, theirs in zip(found, (plain, F.gelu(plain)), strict=True)
    )


def _blocked(weight: Tensor) -> Tensor:
    blocked: Tensor = _operators._reorder_linear_weight(weight)
    return blocked


def _fused(x: Tensor, blocked: Tensor, bias: Tensor, after: str) -> Tensor:
    algorithm = "none" if after == "gelu" else ""  # the exact one, by the error function
    found: Tensor = _operators._linear_pointwise(x, blocked, bias, after, [], algorithm)
    return found

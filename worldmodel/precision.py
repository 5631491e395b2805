"""Number formats of the world model: bfloat16 where the hardware multiplies it, else float32."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch

FLOAT32_SWITCH = "ARMCHAIR_FLOAT32"
"""Environment variable; any value but empty or 0 turns bfloat16 off everywhere."""

_CPU_BFLOAT16_FLAGS = ("avx512_bf16", "amx_bf16", "bf16")
"""Instruction sets that multiply bfloat16 matrices natively (x86 server, x86 tiles, Arm)."""


def supports_bfloat16(device: torch.device | str) -> bool:
    """Say whether bfloat16 matrix products are native, hence fast, on a device."""
    kind = torch.device(device).type
    if kind == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if kind == "cpu":
        known = getattr(torch.cpu, "get_capabilities", None)  # older torch does not know
        capabilities: dict[str, object] = known() if known else {}
        return any(bool(capabilities.get(flag)) for flag in _CPU_BFLOAT16_FLAGS)
    return False


def uses_bfloat16(device: torch.device | str) -> bool:
    """Say whether `autocast` chooses bfloat16: the device supports it and it is not turned off."""
    return os.environ.get(FLOAT32_SWITCH, "") in ("", "0") and supports_bfloat16(device)


@contextmanager
def float32() -> Iterator[None]:
    """Turn bfloat16 off within, and restore what was set before."""
    before = os.environ.get(FLOAT32_SWITCH)
    os.environ[FLOAT32_SWITCH] = "1"
    try:
        yield
    finally:
        del os.environ[FLOAT32_SWITCH]
        if before is not None:
            os.environ[FLOAT32_SWITCH] = before


def autocast(device: torch.device | str) -> AbstractContextManager[object]:
    """Return the context in which world-model arithmetic runs: bfloat16 autocast or plain float32.

    >>> with autocast("cpu"):
    ...     latents = model(frames)  # doctest: +SKIP
    """
    if not uses_bfloat16(device):
        return nullcontext()
    return torch.autocast(torch.device(device).type, dtype=torch.bfloat16)

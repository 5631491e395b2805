"""Where tensors live: a GPU if there is one, otherwise the processor."""

from __future__ import annotations

import torch


def best_device() -> torch.device:
    """Return the GPU that this process would use, or the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")

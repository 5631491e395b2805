"""Warmup – constant – decay of the learning rate, as a function of how far the run has come.

V-JEPA 2, sections 2.4 and 3.1 and appendix B.1: linear rise, long plateau, linear fall.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from armchair.errors import BadValueError, check_least


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Learning rate over a run; shares are fractions of the whole run, in [0, 1]."""

    peak: float = 6e-4
    """Learning rate of the plateau."""
    warmup_share: float = 0.05
    """Share of the run in which the rate rises linearly to `peak`."""
    decay_share: float = 0.2
    """Share of the run at its end in which the rate falls linearly to `final_ratio * peak`."""
    start_ratio: float = 0.1
    """Rate at the very start, as a multiple of `peak`."""
    final_ratio: float = 0.0
    """Rate at the very end, as a multiple of `peak`."""
    decay: Literal["linear", "cosine"] = "linear"
    """Shape of the fall."""

    def __post_init__(self) -> None:
        if not 0 < self.peak < math.inf:
            raise BadValueError(f"schedule.peak is {self.peak}; a learning rate is above 0.")
        shares = (self.warmup_share, self.decay_share)
        if not (all(share >= 0 for share in shares) and sum(shares) <= 1):
            raise BadValueError(
                f"schedule: warmup_share {shares[0]} and decay_share {shares[1]} must be at least "
                "0 and together at most 1."
            )
        check_least(self, start_ratio=0, final_ratio=0)

    def rate(self, progress: float) -> float:
        """Return the learning rate at `progress`, 0 at the start of the run and 1 at its end."""
        at = min(max(progress, 0.0), 1.0)
        if at < self.warmup_share:
            return self._between(self.start_ratio, 1.0, at / self.warmup_share)
        if at > 1.0 - self.decay_share:
            left = (1.0 - at) / self.decay_share
            if self.decay == "cosine":
                left = 0.5 - 0.5 * math.cos(math.pi * left)
            return self._between(self.final_ratio, 1.0, left)
        return self.peak

    def _between(self, low: float, high: float, share: float) -> float:
        return self.peak * (low + (high - low) * share)

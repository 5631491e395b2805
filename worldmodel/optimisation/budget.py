"""How long a run lasts: a number of steps (exactly repeatable) or of minutes (a wall clock)."""

from __future__ import annotations

from dataclasses import dataclass

from armchair.errors import BadValueError


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Exactly one of the two. Only `steps` promises that resume repeats the uninterrupted run."""

    steps: int | None = None
    """Optimiser steps in total."""
    minutes: float | None = None
    """Minutes of wall clock in total, over all resumed parts."""

    def __post_init__(self) -> None:
        if self.steps is None and self.minutes is None:
            raise BadValueError("no length given: give --steps or --minutes, one of the two.")
        if self.steps is not None and self.minutes is not None:
            raise BadValueError(
                f"--steps {self.steps} and --minutes {self.minutes}: give one of the two."
            )
        for option, value in (("--steps", self.steps), ("--minutes", self.minutes)):
            if value is not None and not value > 0:
                raise BadValueError(f"{option} is {value}, expected more than 0.")

    def progress(self, step: int, seconds: float) -> float:
        """Return how much of the run is done, from 0 to 1, after `step` steps and `seconds`."""
        if self.steps is not None:
            return min(step / self.steps, 1.0)
        assert self.minutes is not None
        return min(seconds / (60.0 * self.minutes), 1.0)

    def expected_steps(self, step: int, seconds: float) -> float:
        """Return the length of the run in steps: given, or estimated from the pace so far."""
        if self.steps is not None:
            return float(self.steps)
        return max(step, 1) / max(self.progress(step, seconds), 1e-3)

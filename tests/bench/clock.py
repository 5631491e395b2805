"""Time that passes when a test says so."""

from __future__ import annotations

import time

import pytest


class FakeClock:
    """Stands for `time.perf_counter` and `time.process_time` until the test ends."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall = self.processor = 0.0
        monkeypatch.setattr(time, "perf_counter", lambda: self.wall)
        monkeypatch.setattr(time, "process_time", lambda: self.processor)

    def spend(self, wall: float, processor: float) -> None:
        """Let so many seconds pass, by the wall clock and of this process's processors."""
        self.wall, self.processor = self.wall + wall, self.processor + processor

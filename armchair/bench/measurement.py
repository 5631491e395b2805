"""What a benchmark returns, how it takes time, and the registry of all benchmarks."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from armchair.errors import BadValueError
from armchair.planners import Planner
from armchair.registry import Registry
from armchair.worldmodel.model import WorldModel


@dataclass(frozen=True, kw_only=True)
class BenchSetting:
    """What is measured: a world model, a planner, and how often."""

    model: WorldModel
    planner: Planner
    repeats: int = 5
    """Timed runs after one that warms up; their median counts."""
    problems: int = 50
    """Pairs of frames that `time-to-energy` plans between."""
    episodes: Path | None = None
    """Folder of DROID-format episodes that these pairs come from; None simulates them."""
    contenders: tuple[str, ...] = ()
    """Planners, as name or name:option=value,…, that race to the energy; some of ours if empty."""
    rows: int = 60
    """Rows of the episodes that are written and read: 60 are 4 s."""
    mesh_keep: float | None = None
    """Share of mesh faces in the frames that `render` counts; None: as many as look faithful."""

    def __post_init__(self) -> None:
        if self.repeats < 1:
            raise BadValueError(f"repeats is {self.repeats}, expected 1 or more.")
        if self.problems < 1:
            raise BadValueError(f"problems is {self.problems}, expected 1 or more.")


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """Seconds of one piece of work and of what it is compared with on the same machine.

    figures: other numbers that belong to it, by name.
    """

    what: str
    seconds: float
    against: str
    reference_seconds: float
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def per_second(self) -> float:
        """How often the work fits into a second."""
        return 1.0 / self.seconds

    @property
    def ratio(self) -> float:
        """Seconds of the work over seconds of the reference, dimensionless; lower is better."""
        return self.seconds / self.reference_seconds


BENCHMARKS: Registry[Callable[[BenchSetting], Measurement]] = Registry("benchmark")


@dataclass(frozen=True, kw_only=True)
class Times:
    """Median seconds of some work: by the wall clock, and those of this process' processors.

    The second says more where other processes share the machine.
    """

    clock: float
    processor: float


def timed(work: Callable[[], object], repeats: int) -> Times:
    """Return the median times of `work`, after one run that does not count."""
    work()
    clock, processor = [], []
    for _ in range(repeats):
        began, used = time.perf_counter(), time.process_time()
        work()
        clock.append(time.perf_counter() - began)
        processor.append(time.process_time() - used)
    return Times(clock=statistics.median(clock), processor=statistics.median(processor))


def seconds_of(work: Callable[[], object], repeats: int) -> float:
    """Return the median wall time of `work` in seconds, after one run that does not count."""
    return timed(work, repeats).clock

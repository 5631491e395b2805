"""Thresholds that a run must meet, from a TOML file: what continuous integration asks for.

[reach]
least_rate = 0.6                  # share of episodes
most_median_distance_m = 0.05     # metres
most_median_plan_seconds = 10.0   # per action
least_rate_above = { random = 0.5 }   # more than this control's rate by so much
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from armchair.errors import BadFileError, UnknownNameError
from armchair.evaluation.contestants import ALL_CONTROLS
from armchair.evaluation.report import Report, TaskReport
from armchair.evaluation.tasks import TASKS

FIX = (
    "Give a table per task, such as [reach], with least_rate, most_median_distance_m, "
    "most_median_plan_seconds or least_rate_above = { control = share }."
)

RANGES = {
    "least_rate": "a share of episodes from 0 to 1",
    "most_median_distance_m": "metres above 0",
    "most_median_plan_seconds": "seconds above 0",
    "least_rate_above": "differences of shares from -1 to 1",
}


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """Of one task; None asks for nothing."""

    least_rate: float | None = None
    most_median_distance_m: float | None = None
    most_median_plan_seconds: float | None = None
    least_rate_above: Mapping[str, float] = field(default_factory=dict)

    def failures(self, task: TaskReport) -> list[str]:
        """Return what is not met, each with both numbers."""
        score, missed = task.score, []
        if self.least_rate is not None and score.rate < self.least_rate:
            missed.append(f"success rate {score.rate:.2f}, at least {self.least_rate:.2f} wanted")
        distance = score.final_distance_m.median
        if self.most_median_distance_m is not None and distance > self.most_median_distance_m:
            missed.append(
                f"median distance {distance:.3f} m, "
                f"at most {self.most_median_distance_m:.3f} wanted"
            )
        seconds = score.plan_seconds.median
        if self.most_median_plan_seconds is not None and not seconds:
            missed.append("seconds per action were not measured: no action was planned")
        elif self.most_median_plan_seconds is not None and seconds > self.most_median_plan_seconds:
            missed.append(
                f"median {seconds:.2f} s per action, at most "
                f"{self.most_median_plan_seconds:.2f} wanted"
            )
        for control, margin in self.least_rate_above.items():
            rate = task.controls[control].rate if control in task.controls else None
            if rate is None:
                missed.append(f"control {control} was not played")
            elif score.rate - rate < margin:
                missed.append(
                    f"success rate {score.rate:.2f} against {rate:.2f} of {control}, "
                    f"at least {margin:.2f} more wanted"
                )
        return missed


def read_thresholds(path: Path) -> dict[str, Thresholds]:
    """Return thresholds by task; raises `BadFileError` for a file that is not of this form."""
    try:
        content: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BadFileError(path, f"cannot be read ({error.strerror})", FIX) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadFileError(path, f"is no TOML ({error})", FIX) from error
    if not content:
        raise BadFileError(path, "asks for nothing", FIX)
    return {task: _of_task(path, task, entries) for task, entries in content.items()}


def _of_task(path: Path, task: str, entries: Any) -> Thresholds:
    if task not in TASKS:
        raise BadFileError(path, str(UnknownNameError("task", task, TASKS)), FIX)
    if not isinstance(entries, dict) or not entries:
        raise BadFileError(path, f"[{task}] asks for nothing", FIX)
    known = set(Thresholds.__dataclass_fields__)
    for name, value in entries.items():
        if name not in known:
            raise BadFileError(path, str(UnknownNameError("threshold", name, known)), FIX)
        numbers = list(value.values()) if isinstance(value, dict) else [value]
        for control in value if isinstance(value, dict) else ():
            if control not in ALL_CONTROLS:
                unknown = UnknownNameError("control", control, ALL_CONTROLS)
                raise BadFileError(path, f"[{task}] {name}: {unknown}", FIX)
        if isinstance(value, dict) != (name == "least_rate_above") or not all(
            type(number) in (int, float) and math.isfinite(number) for number in numbers
        ):
            raise BadFileError(path, f"[{task}] {name} is {value!r}", FIX)
        if not numbers:
            raise BadFileError(path, f"[{task}] {name} asks for nothing", FIX)
        if not all(_possible(name, number) for number in numbers):
            fix = f"It must be {RANGES[name]}."
            raise BadFileError(path, f"[{task}] {name} is {value!r}", fix)
    return Thresholds(**entries)


def _possible(name: str, number: float) -> bool:
    """Return whether a threshold lies in its range; see `RANGES`."""
    if name == "least_rate_above":
        return -1 <= number <= 1
    return 0 <= number <= 1 if name == "least_rate" else number > 0


def check_played(
    path: Path, wanted: Mapping[str, Thresholds], tasks: Sequence[str], controls: Sequence[str]
) -> None:
    """Raise `BadFileError` for thresholds of a task or a control that is not going to be played."""
    for task, thresholds in wanted.items():
        if task not in tasks:
            raise BadFileError(path, f"[{task}] is not played", f"Add it: --tasks {task}.")
        for control in thresholds.least_rate_above:
            if control not in controls:
                problem = f"[{task}] compares with {control}, which is not played"
                raise BadFileError(path, problem, f"Add it: --controls {control}.")


def failures(report: Report, wanted: Mapping[str, Thresholds]) -> list[str]:
    """Return everything that a report does not meet; a task that was not played is one of them."""
    missed = []
    for task, thresholds in wanted.items():
        if task not in report.tasks:
            missed.append(f"{task}: was not played")
            continue
        missed += [f"{task}: {line}" for line in thresholds.failures(report.tasks[task])]
    return missed

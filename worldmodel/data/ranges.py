"""Which values each dataset may hold; what lies outside is a wrong unit or damage.

Limits are far beyond what a Franka does and far below what the usual mistakes give. The state that
models read (flange pose, gripper) is checked by `armchair.poses.check_states` and not here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from numpy.typing import NDArray

from armchair.poses import ANGLE_LIMIT_RAD, GRIPPER_SLACK, REACH_LIMIT_M

CAMERA_LIMIT_M = 5.0
"""No DROID camera stands farther from the base."""
OLDEST_MS, NEWEST_MS = 1.0e12, 4.1e12
"""September 2001 and the year 2100 in ms since 1970."""
SLACK = 1e-6


@dataclass(frozen=True, kw_only=True)
class Range:
    """Columns of a dataset, their legal range in `unit`, and what a value outside looks like."""

    low: float
    high: float
    unit: str
    mistaken: str = ""
    columns: tuple[int, int | None] = (0, None)
    fix: str = ""


def _symmetric(
    limit: float, unit: str, mistaken: str, columns: tuple[int, int | None] = (0, None)
) -> Range:
    return Range(low=-limit, high=limit, unit=unit, mistaken=mistaken, columns=columns)


def _pose(limit_m: float) -> tuple[Range, ...]:
    return (
        _symmetric(limit_m, "metres", "millimetres", (0, 3)),
        _symmetric(ANGLE_LIMIT_RAD, "radians", "degrees", (3, 6)),
    )


_CLOSEDNESS = Range(
    low=-GRIPPER_SLACK,
    high=1 + GRIPPER_SLACK,
    unit="0 (open) … 1 (closed)",
    mistaken="a width",
    fix="Convert it to 1 - width / max_width",
)
_SHARE = Range(
    low=-1 - SLACK, high=1 + SLACK, unit="of the step limits", fix="Divide by the step limits"
)
_MS = Range(low=OLDEST_MS, high=NEWEST_MS, unit="ms since 1970")

RANGES: tuple[tuple[str, tuple[Range, ...]], ...] = (
    ("action/*_velocity", (_SHARE,)),
    ("action/robot_state/cartesian_position", _pose(REACH_LIMIT_M)),
    ("action/cartesian_position", _pose(REACH_LIMIT_M)),
    ("action/target_cartesian_position", _pose(REACH_LIMIT_M)),
    ("action/robot_state/gripper_position", (_CLOSEDNESS,)),
    ("action/gripper_position", (_CLOSEDNESS,)),
    ("action/target_gripper_position", (replace(_CLOSEDNESS, low=-1.0, high=2.0),)),
    ("*/joint_position*", (_symmetric(ANGLE_LIMIT_RAD, "radians", "degrees"),)),
    ("*/joint_velocities", (_symmetric(10.0, "rad/s", "degrees per second"),)),
    ("*/*torques*", (_symmetric(1000.0, "N m", "N mm"),)),
    ("observation/camera_type/*", (Range(low=0, high=2, unit="hand, varied or fixed"),)),
    ("observation/camera_extrinsics/*", _pose(CAMERA_LIMIT_M)),
    (
        "observation/timestamp/robot_state/robot_timestamp_nanos",
        (Range(low=0, high=1e9, unit="ns"),),
    ),
    ("observation/timestamp/robot_state/robot_timestamp_seconds", ()),
    ("observation/timestamp/skip_action", ()),
    ("observation/timestamp/*", (_MS,)),
)
"""The first pattern that a path fits decides; a path that fits none may hold any finite number."""


def range_problems(path: str, values: NDArray[Any]) -> Iterator[tuple[str, str]]:
    """Yield (found, fix) for every part of a dataset (T, ...) that leaves its range."""
    for part in next((ranges for pattern, ranges in RANGES if fnmatchcase(path, pattern)), ()):
        numbers = values[:, slice(*part.columns)] if values.ndim > 1 else values
        worst = _worst(numbers, part)
        if worst is not None:
            mistaken = _time_unit(worst) if part is _MS else part.mistaken
            looks = f"; it looks like {mistaken}" if mistaken else ""
            found = f"{path} reaches {worst:.4g}, expected [{part.low:.3g}, {part.high:.3g}]"
            yield f"{found} {part.unit}{looks}", part.fix or f"Convert it to {part.unit}"


def _worst(numbers: NDArray[Any], part: Range) -> float | None:
    outside = numbers[(numbers < part.low) | (numbers > part.high)]
    return float(outside[np.abs(outside.astype(np.float64)).argmax()]) if outside.size else None


def _time_unit(value: float) -> str:
    for name, per_ms in (("seconds", 1e-3), ("microseconds", 1e3), ("nanoseconds", 1e6)):
        if OLDEST_MS * per_ms <= value <= NEWEST_MS * per_ms:
            return name
    return ""

"""State and action algebra, numpy only: the meaning of the seven numbers that everything shares.

A *state* is `(x, y, z, roll, pitch, yaw, gripper)`: position of `panda_link8` (the flange) in the
robot's base frame in metres, extrinsic xyz Euler angles in radians, gripper 0 = open … 1 = closed.
An *action* is the change of state between two model frames: position adds, rotation composes as
`R(delta) @ R(state)` in the base frame, gripper adds and is clipped to [0, 1].

Source: V-JEPA 2 (Assran et al., 2025), section 3.1, "Model inputs"; checked on golden numerics.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from armchair.errors import BadValueError

STATE_DIM = 7
ACTION_DIM = 7

REACH_LIMIT_M = 2.0
"""No Franka flange is farther than 0.855 m from its base; beyond 2 the unit must be wrong."""
ANGLE_LIMIT_RAD = 2 * np.pi + 1e-3
"""Angles are stored in (-pi, pi] or, for sandbox models, roll in [0, 2 pi)."""
GRIPPER_SLACK = 0.02
"""Sensors overshoot [0, 1] by a little; a width in metres or millimetres is caught otherwise."""

Array = NDArray[np.float64]


def euler_to_matrix(euler: ArrayLike) -> Array:
    """Return rotation matrices (..., 3, 3) of extrinsic xyz Euler angles (..., 3) in radians."""
    angles = np.asarray(euler, dtype=np.float64)
    cx, cy, cz = np.moveaxis(np.cos(angles), -1, 0)
    sx, sy, sz = np.moveaxis(np.sin(angles), -1, 0)
    rows = [
        [cy * cz, sx * sy * cz - cx * sz, cx * sy * cz + sx * sz],
        [cy * sz, sx * sy * sz + cx * cz, cx * sy * sz - sx * cz],
        [-sy, sx * cy, cx * cy],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def matrix_to_euler(matrix: ArrayLike) -> Array:
    """Return extrinsic xyz Euler angles (..., 3) in radians, each in (-pi, pi], pitch in ±pi/2.

    At gimbal lock (pitch = ±pi/2) yaw is set to zero.
    """
    m = np.asarray(matrix, dtype=np.float64)
    pitch = np.arcsin(np.clip(-m[..., 2, 0], -1.0, 1.0))
    locked = np.abs(m[..., 2, 0]) > 1.0 - 1e-12
    roll = np.where(
        locked,
        np.arctan2(-m[..., 1, 2], m[..., 1, 1]),
        np.arctan2(m[..., 2, 1], m[..., 2, 2]),
    )
    yaw = np.where(locked, 0.0, np.arctan2(m[..., 1, 0], m[..., 0, 0]))
    return np.stack([roll, pitch, yaw], axis=-1)


def compose(state: ArrayLike, action: ArrayLike) -> Array:
    """Return the state (..., 7) after an action (..., 7); metres and radians, base frame."""
    s, a = np.asarray(state, dtype=np.float64), np.asarray(action, dtype=np.float64)
    rotation = euler_to_matrix(a[..., 3:6]) @ euler_to_matrix(s[..., 3:6])
    gripper = np.clip(s[..., 6:] + a[..., 6:], 0.0, 1.0)
    return np.concatenate([s[..., :3] + a[..., :3], matrix_to_euler(rotation), gripper], axis=-1)


def difference(start: ArrayLike, end: ArrayLike) -> Array:
    """Return the action (..., 7) that leads from one state to another; inverse of `compose`."""
    s, e = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    rotation = euler_to_matrix(e[..., 3:6]) @ np.swapaxes(euler_to_matrix(s[..., 3:6]), -1, -2)
    return np.concatenate(
        [e[..., :3] - s[..., :3], matrix_to_euler(rotation), e[..., 6:] - s[..., 6:]], axis=-1
    )


def roll_to_sandbox(state: ArrayLike) -> Array:
    """Return states (..., 7) with roll mapped to [0, 2 pi), as sandbox models see it.

    DROID's reset pose has roll exactly pi, where files flip between +pi and -pi.
    """
    s = np.array(state, dtype=np.float64)
    s[..., 3] = np.mod(s[..., 3], 2 * np.pi)
    return s


def check_states(states: ArrayLike, source: Any) -> Array:
    """Return states (..., 7) as float64 or raise `BadValueError` naming `source`, value and fix.

    Catches NaN, degrees for radians, millimetres for metres and a gripper width for closedness.
    """
    s = np.asarray(states, dtype=np.float64)
    if s.ndim == 0 or s.shape[-1] != STATE_DIM:
        raise BadValueError(
            f"{source}: state has shape {s.shape}, expected (..., 7): "
            "x y z, roll pitch yaw, gripper."
        )
    flat = s.reshape(-1, STATE_DIM)
    bad = ~np.isfinite(flat)
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        raise BadValueError(
            f"{source}: state row {row}, column {column} is {flat[row, column]}, expected a finite "
            "number. Record the episode again or cut the row out."
        )
    _check_range(flat[:, :3], REACH_LIMIT_M, source, "position", "metres", "millimetres")
    _check_range(flat[:, 3:6], ANGLE_LIMIT_RAD, source, "rotation", "radians", "degrees")
    _check_gripper(flat[:, 6], source)
    return s


def _check_range(
    values: Array, limit: float, source: Any, what: str, unit: str, mistaken: str
) -> None:
    worst = float(values.flat[np.abs(values).argmax()]) if values.size else 0.0
    if abs(worst) > limit:
        raise BadValueError(
            f"{source}: {what} {worst:.4g} is outside ±{limit:.4g} {unit}; it looks like "
            f"{mistaken}. Convert it to {unit}."
        )


def _check_gripper(gripper: Array, source: Any) -> None:
    low, high = (float(gripper.min()), float(gripper.max())) if gripper.size else (0.0, 0.0)
    if low < -GRIPPER_SLACK or high > 1.0 + GRIPPER_SLACK:
        worst = low if low < -GRIPPER_SLACK else high
        raise BadValueError(
            f"{source}: gripper {worst:.4g} is outside 0 (open) … 1 (closed); it looks like a "
            "width. Convert it to 1 - width / max_width."
        )

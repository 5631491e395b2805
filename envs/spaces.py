"""The spaces that every task shares, and the check that an action has the right size and unit."""

from __future__ import annotations

import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray

from armchair.errors import BadValueError

STEP_M, STEP_RAD, STEP_GRIPPER = 0.075, 0.5, 1.0
"""Largest change per step: the planner's box, a turn that one step can finish, the whole stroke."""
FRAME_SHAPE = (256, 256, 3)
SLACK = 1e-6
"""Rounding of float32 actions."""


def action_space() -> spaces.Box:
    """Return the box of changes of state (7,): metres, radians, closedness."""
    high = np.array([STEP_M] * 3 + [STEP_RAD] * 3 + [STEP_GRIPPER])
    return spaces.Box(-high, high, dtype=np.float64)


def observation_space() -> spaces.Dict:
    """Return the space of frame, state and goal frame."""
    high = np.array([1.0, 1.0, 1.5] + [np.pi + SLACK] * 3 + [1.0])
    low = np.array([-1.0, -1.0, -0.5] + [-np.pi - SLACK] * 3 + [0.0])
    picture = spaces.Box(0, 255, FRAME_SHAPE, np.uint8)
    return spaces.Dict(
        {"frame": picture, "state": spaces.Box(low, high, dtype=np.float64), "goal_frame": picture}
    )


def checked_action(action: ArrayLike, space: spaces.Box) -> NDArray[np.float64]:
    """Return the action (7,) as float64; raises `BadValueError` for shape, NaN or a wrong unit."""
    try:
        a = np.asarray(action, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadValueError(f"action {action!r:.80} is not 7 numbers ({error}).") from error
    if a.shape != space.shape:
        raise BadValueError(
            f"action has shape {a.shape}, expected (7,): dx dy dz, rotation, gripper."
        )
    if not np.isfinite(a).all():
        raise BadValueError(f"action {a.tolist()} is not finite; a planner returned NaN.")
    outside = (a < space.low - SLACK) | (a > space.high + SLACK)
    if outside.any():
        axis = int(np.argmax(outside))
        raise BadValueError(
            f"action[{axis}] = {a[axis]:.4g} is outside ±{space.high[axis]:.4g} "
            f"({'metres' if axis < 3 else 'radians' if axis < 6 else 'closedness'}); "
            "clip it to env.action_space, and check its unit."
        )
    return np.clip(a, space.low, space.high)

"""Camera calibration of inferred actions: the linear map to the real ones, and the turn within it.

Source: V-JEPA 2 (Assran et al., 2025), appendix B.4. Only x and y, metres, in the base frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import from_numpy

from armchair.errors import BadValueError
from armchair.evaluation.policies import Policy
from armchair.planners import ActionBounds, Decision, GoalImage, Observation

Array = NDArray[np.float64]

LEAST_PAIRS = 3
"""Fewer pairs leave the four entries of the map to chance."""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What least squares says of inferred and real actions (pairs, 2), metres.

    matrix: W* (2, 2) with inferred @ W* ≈ real; turn: the rotation (2, 2) nearest to it, U Vᵀ where
    that is one; rotation_deg: by how much inferred actions are turned against the real ones,
    anticlockwise seen from above; condition: of W*; mirrored: U Vᵀ is a reflection: the turn undoes
    the least of what is wrong, and the angle means nothing;
    error_m: mean absolute difference per axis, as inferred; turned_error_m: after the turn;
    fitted_error_m: after W*; real_step_m: mean length of the real actions.
    """

    pairs: int
    matrix: Array
    turn: Array
    rotation_deg: float
    condition: float
    mirrored: bool
    error_m: float
    turned_error_m: float
    fitted_error_m: float
    real_step_m: float

    def to_dict(self) -> dict[str, Any]:
        """Return everything JSON-ready."""
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in vars(self).items()
        }


def fit(inferred: Array, real: Array) -> Calibration:
    """Return the calibration of inferred and real actions (pairs, 2).

    Raises `BadValueError` for other shapes, too few pairs, or inferred actions along one line.
    """
    if inferred.shape != real.shape or inferred.ndim != 2 or inferred.shape[1] != 2:
        raise BadValueError(
            f"inferred actions are {inferred.shape}, real ones {real.shape}: expected (pairs, 2)."
        )
    if len(real) < LEAST_PAIRS or np.linalg.matrix_rank(inferred) < 2:
        raise BadValueError(
            f"{len(real)} pairs of inferred actions do not span the plane; walk more steps."
        )
    matrix = np.linalg.lstsq(inferred, real, rcond=None)[0]
    left, _, right = np.linalg.svd(matrix)
    mirrored = bool(np.linalg.det(left @ right) < 0)
    turn = left @ np.diag([1.0, -1.0 if mirrored else 1.0]) @ right  # Kabsch, 1976: no reflection
    # a row times [[c, -s], [s, c]] turns by -theta: inferred actions are turned by +theta
    theta = np.arctan2(turn[1, 0] - turn[0, 1], turn[0, 0] + turn[1, 1])
    return Calibration(
        pairs=len(real),
        matrix=matrix,
        turn=turn,
        rotation_deg=float(np.rad2deg(theta)),
        condition=float(np.linalg.cond(matrix)),
        mirrored=mirrored,
        error_m=float(np.abs(inferred - real).mean()),
        turned_error_m=float(np.abs(inferred @ turn - real).mean()),
        fitted_error_m=float(np.abs(inferred @ matrix - real).mean()),
        real_step_m=float(np.linalg.norm(real, axis=1).mean()),
    )


class CalibratedPolicy:
    """Another policy whose x and y are turned before they are carried out, within bounds."""

    def __init__(self, policy: Policy, turn: Array, bounds: ActionBounds) -> None:
        self._policy, self._turn = policy, np.asarray(turn, dtype=np.float64)
        self._bounds = bounds

    def start(self, goals: Sequence[GoalImage], switch_steps: Sequence[int] = ()) -> None:
        """Take the goal images of a new episode."""
        self._policy.start(goals, switch_steps)

    def act(self, observation: Observation) -> Decision:
        """Return the policy's action, turned."""
        decision = self._policy.act(observation)
        action = np.array(decision.action)
        action[:2] = action[:2] @ self._turn
        return replace(decision, action=self._bounds.clip(from_numpy(action)).numpy())

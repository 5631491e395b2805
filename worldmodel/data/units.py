"""The unit mistake that a range check cannot see: a gripper width in metres lies within 0 … 1."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from armchair.errors import BadValueError

STROKES_M = (0.08, 0.085)
"""Opening of the Franka hand and of the Robotiq 2F-85."""
NEAR_M = 0.0015
WIDEST_M = 0.09


def check_gripper_unit(
    gripper: NDArray[np.float64], command: NDArray[np.float64] | None, source: Any
) -> None:
    """Raise BadValueError if closedness (T,) looks like a width in metres.

    A width never exceeds the stroke; it starts at the stroke (open) or falls while the command
    (T,), 1 = closed, rises. An open gripper's closedness stays near 0 and passes.
    """
    if not gripper.size or not 0.05 < gripper.max() <= WIDEST_M:
        return
    starts_open = any(abs(gripper[0] - stroke) < NEAR_M for stroke in STROKES_M)
    if starts_open or (command is not None and _opposed(gripper, command)):
        raise BadValueError(
            f"{source}: gripper stays within 0 … {gripper.max():.4g} and looks like a width in "
            "metres, expected 0 (open) … 1 (closed). Convert it to 1 - width / max_width."
        )


def _opposed(gripper: NDArray[np.float64], command: NDArray[np.float64]) -> bool:
    if gripper.shape != command.shape or np.ptp(gripper) < 0.02 or np.ptp(command) < 0.02:
        return False
    return float(np.corrcoef(gripper, command)[0, 1]) < -0.5

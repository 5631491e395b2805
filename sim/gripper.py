"""The command rule of the gripper, for every hand and every mover: closedness 0 open … 1 closed.

|delta| < 0.05 keeps the last command, so that a held object is not let go by every zero action; a
closing delta commands a little more than asked, to squeeze.
"""

from __future__ import annotations

import numpy as np

DEADBAND = 0.05
"""Smaller gripper deltas keep the last command."""
SQUEEZE = 0.25
"""Share of a closing delta added to its command: the pads press instead of only touching."""


def next_command(command: float, measured: float, delta: float) -> float:
    """Return the new commanded closedness in [0, 1] after a gripper delta; +delta closes."""
    if abs(delta) < DEADBAND:
        return command
    if delta > 0:
        return float(min(1.0, max(command, measured + delta) + SQUEEZE * delta))
    return float(np.clip(measured + delta, 0.0, 1.0))

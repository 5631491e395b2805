"""What a behaviour is, and the registry of all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from armchair.registry import Registry
from armchair.sim.recorder import Recorder

Array = NDArray[np.float64]

FLANGE_LOW = np.array([0.32, -0.24, 0.20])
FLANGE_HIGH = np.array([0.64, 0.24, 0.52])
"""Where the flange plays, metres; the fingertips hang 0.16 m below it."""
STEP_M = 0.075
"""The planner's bound per axis (figure 8 of the paper)."""
GRIPPER_STEP = 0.75
"""The planner's bound on the change of closedness (Meta's wrapper)."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What an episode was about: its DROID task text, success, and the goal state (7,) if any."""

    task: str
    success: bool
    goal: Array | None = None
    settled: bool = False
    """Whether it moved in blocking steps, each ended by the arm at rest, and not at 15 Hz."""


Behaviour = Callable[[Recorder, np.random.Generator, int], Outcome]
"""(recorder, random numbers, rows): moves the arm until so many rows are recorded."""
BEHAVIOURS: Registry[Behaviour] = Registry("behaviour")

"""What the arm does while it is recorded, one function each; `mix` says how much of which.

A behaviour yields rows to a recorder until its time is up, moving at 15 Hz or in settled blocking
steps as planners take them. It may read the simulator: it is an expert, nobody plans with it.
"""

from armchair.sim.behaviours import free, gliding, handling, touching  # noqa: F401  (they register)
from armchair.sim.behaviours.free import FREE
from armchair.sim.behaviours.registry import (
    BEHAVIOURS,
    FLANGE_HIGH,
    FLANGE_LOW,
    GRIPPER_STEP,
    STEP_M,
    Behaviour,
    Outcome,
)
from armchair.sim.behaviours.things import HOVER_M

__all__ = [
    "BEHAVIOURS",
    "FLANGE_HIGH",
    "FLANGE_LOW",
    "FREE",
    "GRIPPER_STEP",
    "HOVER_M",
    "STEP_M",
    "Behaviour",
    "Outcome",
]

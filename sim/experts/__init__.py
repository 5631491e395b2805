"""Scripted experts for objects, free and constrained: they read the simulator, agents never do.

The free expert moves at 15 Hz with no limit of steps; the constrained one takes the planners' own
steps, bounds and budget, and shows that a task is solvable as posed.
"""

from armchair.sim.experts.constrained import ConstrainedExpert
from armchair.sim.experts.free import free_carry, free_grasp, free_place
from armchair.sim.experts.waypoints import grasp_pose

__all__ = ["ConstrainedExpert", "free_carry", "free_grasp", "free_place", "grasp_pose"]

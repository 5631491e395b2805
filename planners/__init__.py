"""planners: search for actions whose imagined outcome looks like the goal image.

May import the vocabulary and torch; knows no simulator, no environment and no concrete world model.
"""

from __future__ import annotations

if __name__ == "planners":
    raise ImportError("import armchair.planners; the bare name 'planners' is not this package")

from armchair.planners import cem as _cem  # registers cem, cem-paper, cem-meta
from armchair.planners import random_shooting as _random_shooting  # registers random-shooting
from armchair.planners.agent import Decision, GoalImage, Observation, RecedingHorizonAgent
from armchair.planners.bounds import ActionBounds
from armchair.planners.options import with_options
from armchair.planners.protocol import (
    PLANNERS,
    Context,
    LatentDynamics,
    Plan,
    Planner,
    load_planner,
)

__all__ = [
    "PLANNERS",
    "ActionBounds",
    "Context",
    "Decision",
    "GoalImage",
    "LatentDynamics",
    "Observation",
    "Plan",
    "Planner",
    "RecedingHorizonAgent",
    "load_planner",
    "with_options",
]

del _cem, _random_shooting

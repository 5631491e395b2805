"""planners: search for actions whose imagined outcome looks like the goal image.

May import the vocabulary and torch; knows no simulator, no environment and no concrete world model.
"""

from __future__ import annotations

if __name__ == "planners":
    raise ImportError("import armchair.planners; the bare name 'planners' is not this package")

from armchair.planners import (  # each registers its planners
    cem,
    cem_fit,
    cem_gradient,
    cem_waypoint,
    gradient,
    icem,
    mppi,
    random_shooting,
)
from armchair.planners.agent import Decision, GoalImage, Observation, RecedingHorizonAgent
from armchair.planners.bounds import ActionBounds
from armchair.planners.energy import Objective
from armchair.planners.frame import SearchPlanner
from armchair.planners.options import with_options
from armchair.planners.protocol import (
    PLANNERS,
    BatchedDynamics,
    Context,
    ImaginationError,
    LatentDynamics,
    Plan,
    Planner,
    load_planner,
    planner_names,
)
from armchair.planners.search import (
    FREE_HAND,
    HAND_RULES,
    Answer,
    Ask,
    Budget,
    Found,
    Search,
    SearchConfig,
    Start,
)

__all__ = [
    "FREE_HAND",
    "HAND_RULES",
    "PLANNERS",
    "ActionBounds",
    "Answer",
    "Ask",
    "BatchedDynamics",
    "Budget",
    "Context",
    "Decision",
    "Found",
    "GoalImage",
    "ImaginationError",
    "LatentDynamics",
    "Objective",
    "Observation",
    "Plan",
    "Planner",
    "RecedingHorizonAgent",
    "Search",
    "SearchConfig",
    "SearchPlanner",
    "Start",
    "load_planner",
    "planner_names",
    "with_options",
]

del cem, cem_fit, cem_gradient, cem_waypoint, gradient, icem, mppi, random_shooting

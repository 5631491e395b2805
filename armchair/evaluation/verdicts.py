"""The success rules of benchmark v1, read from the simulator 1 s after the last step.

Every rule is a set of named clauses; an episode succeeds where all of them are met, and the report
says which ones were not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from armchair.evaluation.simulators import ObjectSimulator, PlacingSimulator, Simulator

SUCCESS_M = 0.05
"""Flange or object to its goal at the end, benchmark v1."""
PAPER_SUCCESS_M = 0.04
"""The paper's figure for reach, reported beside it."""
SETTLE_SECONDS = 1.0
"""Success is read this long after the last step, with the gripper command held."""
LIFT_M, LIFT_SECONDS, LIFT_HOLD_SECONDS = 0.05, 1.0, 0.5
"""The evaluator's test of a grasp."""
RISE_M = 0.04
"""How far the object must come along with that lift."""
UPRIGHT_RAD = float(np.deg2rad(20.0))
AT_REST_M_PER_S = 0.01
RELEASED_M = 0.02
"""Pads to object after placing."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How an episode ended; distances in metres.

    success_4cm: the same rule with 4 cm for 5 cm (for a grasp, which has no such clause, the same);
    clauses: each part of the rule and whether it was met, for tasks with an object.
    """

    success: bool
    success_4cm: bool
    final_distance_m: float
    clauses: Mapping[str, bool] = field(default_factory=dict)


def flange_distance(simulator: Simulator) -> float:
    """Return the distance of the flange to its goal position, metres."""
    gap = np.asarray(simulator.flange_state())[:3] - np.asarray(simulator.goal_state())[:3]
    return float(np.linalg.norm(gap))


def object_distance(simulator: ObjectSimulator) -> float:
    """Return the distance of the object to its position in the stored goal state, metres."""
    gap = simulator.robot.object_pose()[:3] - simulator.goal_object_pose()[:3]
    return float(np.linalg.norm(gap))


def judge_reach(simulator: Simulator) -> Verdict:
    """Return whether the flange is within 5 cm (and 4 cm) of the goal after the settling time."""
    simulator.hold(SETTLE_SECONDS)
    distance = flange_distance(simulator)
    return Verdict(
        success=distance <= SUCCESS_M,
        success_4cm=distance <= PAPER_SUCCESS_M,
        final_distance_m=distance,
    )


def judge_grasp(simulator: ObjectSimulator) -> Verdict:
    """Lift 5 cm in 1 s, hold 0.5 s: the object rises at least 4 cm, both pads touching it."""
    simulator.hold(SETTLE_SECONDS)
    distance, before = flange_distance(simulator), simulator.robot.object_pose()[2]
    simulator.robot.lift(LIFT_M, LIFT_SECONDS)
    simulator.hold(LIFT_HOLD_SECONDS)
    clauses = {
        "rose": bool(simulator.robot.object_pose()[2] - before >= RISE_M),
        "held": simulator.robot.held(),
    }
    success = all(clauses.values())
    return Verdict(success=success, success_4cm=success, final_distance_m=distance, clauses=clauses)


def judge_reach_with_object(simulator: ObjectSimulator) -> Verdict:
    """Return whether the object is still held and within 5 cm of its pose in the goal state."""
    simulator.hold(SETTLE_SECONDS)
    return _verdict(object_distance(simulator), {"held": simulator.robot.held()})


def judge_pick_place(simulator: PlacingSimulator) -> Verdict:
    """Return whether the object was carried, and stands released, upright and still at its goal."""
    simulator.hold(SETTLE_SECONDS)
    robot = simulator.robot
    return _verdict(
        object_distance(simulator),
        {
            "grasped": simulator.was_grasped(),
            "carried": simulator.was_carried(),
            "upright": robot.object_tilt() <= UPRIGHT_RAD,
            "at_rest": robot.object_speed() < AT_REST_M_PER_S,
            "released": robot.pad_clearance() >= RELEASED_M,
        },
    )


def _verdict(distance: float, clauses: Mapping[str, bool]) -> Verdict:
    """Return the verdict of a rule whose last clause is the distance of the object to its goal."""
    others = all(clauses.values())
    return Verdict(
        success=others and distance <= SUCCESS_M,
        success_4cm=others and distance <= PAPER_SUCCESS_M,
        final_distance_m=distance,
        clauses={**clauses, "at_goal": distance <= SUCCESS_M},
    )

"""Success rules of benchmark v1: met, and failed clause by clause, at the thresholds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from armchair.evaluation.verdicts import (
    Verdict,
    judge_grasp,
    judge_pick_place,
    judge_reach_with_object,
)
from tests.evaluation.fake_objects import FakePlacing

Change = Callable[[FakePlacing], None]
Case = tuple[Change, bool, set[str]]


def _change(**fields: object) -> Change:
    """Return what sets fields of the fake's hand, or of the fake where it has them."""

    def change(simulator: FakePlacing) -> None:
        for name, value in fields.items():
            target = simulator if hasattr(simulator, name) else simulator.robot
            assert hasattr(target, name), name
            setattr(target, name, value)

    return change


def _moved(x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Change:
    return lambda simulator: simulator.robot.at.__iadd__(np.array([x, y, z]))


def _failed(verdict: Verdict) -> set[str]:
    return {name for name, met in verdict.clauses.items() if not met}


GRASP: list[Case] = [
    (_change(), True, set()),
    (_change(comes_along=0.81), True, set()),
    (_change(comes_along=0.79), False, {"rose"}),
    (_change(touched=False), False, {"held"}),
    (_change(touched=False, comes_along=0.0), False, {"rose", "held"}),
]


@pytest.mark.parametrize(("change", "success", "failed"), GRASP)
def test_grasp(change: Change, success: bool, failed: set[str]) -> None:
    simulator = FakePlacing()
    change(simulator)
    verdict = judge_grasp(simulator)  # type: ignore[arg-type]
    assert (verdict.success, verdict.success_4cm, _failed(verdict)) == (success, success, failed)
    assert simulator.robot.lifts == [(0.05, 1.0)], "5 cm in 1 s"
    assert simulator.held_s == 1.5, "a second before the lift, half a second after"


def test_what_drops_while_the_hand_waits_is_no_grasp() -> None:
    simulator = FakePlacing()

    def drop() -> None:
        if simulator.robot.lifts:
            simulator.robot.at[2], simulator.robot.touched = 0.025, False

    simulator.on_hold = drop
    assert _failed(judge_grasp(simulator)) == {"rose", "held"}  # type: ignore[arg-type]


def test_a_grasp_is_measured_where_the_expert_grasped() -> None:
    simulator = FakePlacing()
    simulator.flange[1] += 0.03
    verdict = judge_grasp(simulator)  # type: ignore[arg-type]
    assert verdict.final_distance_m == pytest.approx(0.03)


REACH: list[tuple[Change, tuple[bool, bool], set[str]]] = [
    (_change(), (True, True), set()),
    (_moved(y=0.039), (True, True), set()),
    (_moved(x=0.03, z=0.035), (True, False), set()),
    (_moved(y=-0.051), (False, False), {"at_goal"}),
    (_change(touched=False), (False, False), {"held"}),
]


@pytest.mark.parametrize(("change", "success", "failed"), REACH)
def test_reach_with_object(change: Change, success: tuple[bool, bool], failed: set[str]) -> None:
    simulator = FakePlacing()
    change(simulator)
    verdict = judge_reach_with_object(simulator)  # type: ignore[arg-type]
    assert (verdict.success, verdict.success_4cm) == success
    assert _failed(verdict) == failed
    assert simulator.held_s == 1.0


PLACE: list[tuple[Change, tuple[bool, bool], set[str]]] = [
    (_change(), (True, True), set()),
    (_change(grasped=False, carried=False), (False, False), {"grasped", "carried"}),
    (_change(carried=False), (False, False), {"carried"}),
    (_moved(x=0.045), (True, False), set()),
    (_moved(x=0.051), (False, False), {"at_goal"}),
    (_change(tilt=np.deg2rad(19.9)), (True, True), set()),
    (_change(tilt=np.deg2rad(20.1)), (False, False), {"upright"}),
    (_change(speed=0.0099), (True, True), set()),
    (_change(speed=0.0101), (False, False), {"at_rest"}),
    (_change(clearance=0.0201), (True, True), set()),
    (_change(clearance=0.0199), (False, False), {"released"}),
]


@pytest.mark.parametrize(("change", "success", "failed"), PLACE)
def test_pick_place(change: Change, success: tuple[bool, bool], failed: set[str]) -> None:
    simulator = FakePlacing()
    change(simulator)
    verdict = judge_pick_place(simulator)  # type: ignore[arg-type]
    assert (verdict.success, verdict.success_4cm) == success
    assert _failed(verdict) == failed
    assert simulator.held_s == 1.0

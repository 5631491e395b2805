"""Experts: they do what the tasks ask, the constrained one within the planners' box and budget."""

from __future__ import annotations

import numpy as np
import pytest

from armchair.errors import ArmchairError, UnknownNameError
from armchair.sim.arm import SimArm
from armchair.sim.contacts import held, object_height, pad_clearance, tilt
from armchair.sim.experts import ConstrainedExpert, free_grasp, free_place, grasp_pose
from armchair.sim.objects import OBJECTS, place
from tests.sim.object_scenes import arm_with, carrying, object_position

START_M = np.array([0.46, 0.03, 0.36])
PLACES_M = [(0.41, -0.14), (0.59, 0.13)]
"""Near two corners of the benchmark's area."""
SPOT_M = np.array([0.50, 0.0])


def follow(arm: SimArm, expert: ConstrainedExpert, steps: int) -> float:
    """Let an expert act; return the greatest height at which the object was held."""
    seen = [0.0]

    def watch() -> None:
        if held(arm.model, arm.data):
            seen[0] = max(seen[0], object_height(arm.model, arm.data))

    for _ in range(steps):
        action = expert.act()
        assert (np.abs(action) <= [0.075] * 3 + [0.0] * 3 + [0.75]).all()
        arm.move(action, on_row=watch)
    arm.hold(1.0)
    return seen[0]


@pytest.mark.parametrize("xy", PLACES_M)
@pytest.mark.parametrize("name", list(OBJECTS))
def test_constrained_grasp_in_eight_steps(name: str, xy: tuple[float, float]) -> None:
    arm = arm_with(name)
    place(arm.model, arm.data, np.array(xy))
    arm.drive_to(START_M)
    follow(arm, ConstrainedExpert("grasp", arm), steps=8)
    before = object_position(arm)[2]
    arm.move(np.array([0, 0, 0.05, 0, 0, 0, 0]))
    assert object_position(arm)[2] - before >= 0.04
    assert held(arm.model, arm.data)


@pytest.mark.parametrize("name", list(OBJECTS))
def test_constrained_pick_and_place_in_eighteen_steps(name: str) -> None:
    arm = arm_with(name)
    place(arm.model, arm.data, np.array(PLACES_M[1]))
    arm.drive_to(START_M)
    highest = follow(arm, ConstrainedExpert("pick-place", arm, spot=SPOT_M), steps=18)
    assert highest >= 0.03
    assert np.linalg.norm(object_position(arm)[:2] - SPOT_M) < 0.03
    assert tilt(arm.model, arm.data) < np.deg2rad(5)
    assert pad_clearance(arm.model, arm.data) >= 0.02


@pytest.mark.parametrize("name", list(OBJECTS))
def test_constrained_reach_with_object_in_ten_steps(name: str) -> None:
    arm, goal = carrying(name), np.array([0.58, -0.15, 0.30])
    follow(arm, ConstrainedExpert("reach-with", arm, position=goal), steps=10)
    assert np.linalg.norm(arm.flange_position - goal) < 0.02
    assert held(arm.model, arm.data)


@pytest.mark.parametrize("name", list(OBJECTS))
def test_free_place_reports_every_row(name: str) -> None:
    arm, rows = carrying(name), []
    start = arm.data.time
    assert free_place(arm, SPOT_M, on_row=lambda: rows.append(arm.data.time))
    assert np.allclose(np.diff([start, *rows]), 1 / 15)
    assert np.linalg.norm(object_position(arm)[:2] - SPOT_M) < 0.01
    assert pad_clearance(arm.model, arm.data) >= 0.02


def test_a_missed_grasp_is_taken_again() -> None:
    """The hand starts closed beside the box: the expert opens it first."""
    arm = arm_with("box")
    arm.drive_to(grasp_pose(arm) + np.array([0.0, 0.1, 0.06]), closed=1.0)
    follow(arm, ConstrainedExpert("grasp", arm), steps=8)
    assert held(arm.model, arm.data)


@pytest.mark.parametrize("yaw", [-0.6, 0.4, 1.2])
def test_the_free_expert_turns_its_hand_to_a_box_askew(yaw: float) -> None:
    arm = arm_with("box")
    place(arm.model, arm.data, SPOT_M, yaw)
    arm.drive_to(START_M)
    assert free_grasp(arm)
    turn = arm.state()[5]
    assert abs((yaw - turn + np.pi / 4) % (np.pi / 2) - np.pi / 4) < 0.03
    assert abs(turn) > 0.3


def test_goals_must_fit_the_task() -> None:
    arm = arm_with("box")
    with pytest.raises(UnknownNameError, match="pick-place"):
        ConstrainedExpert("pick-and-place", arm)
    with pytest.raises(ArmchairError, match="give a spot"):
        ConstrainedExpert("pick-place", arm)
    with pytest.raises(ArmchairError, match="neither for grasp"):
        ConstrainedExpert("grasp", arm, spot=SPOT_M)

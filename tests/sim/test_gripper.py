"""The gripper's command rule, and the Robotiq's linkage; what it holds is in test_grasping."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from armchair.sim.gripper import DEADBAND, SQUEEZE, next_command
from armchair.sim.robot import SimRobot

closednesses = st.floats(0.0, 1.0)
PAD_BODIES = ("gripper0_left_inner_finger", "gripper0_right_inner_finger")
PAD_GEOMS = ("gripper0_left_fingerpad_collision", "gripper0_right_fingerpad_collision")
STROKE_M = 0.085


def gripper_action(delta: float) -> np.ndarray:
    return np.array([0.0] * 6 + [delta])


@given(command=closednesses, measured=closednesses, delta=st.floats(-1.0, 1.0))
def test_command_rule(command: float, measured: float, delta: float) -> None:
    new = next_command(command, measured, delta)
    assert 0.0 <= new <= 1.0
    if abs(delta) < DEADBAND:
        assert new == command
    elif delta > 0:
        assert new >= min(1.0, max(command, measured + delta)), "closing never opens, and squeezes"
        assert new == pytest.approx(min(1.0, max(command, measured + delta) + SQUEEZE * delta))
    else:
        assert new == pytest.approx(max(0.0, measured + delta))


def test_rule_while_a_box_is_held() -> None:
    """Measured closure stands at 0.4 on the box, whatever is commanded."""
    held = next_command(0.0, 0.0, 1.0)
    assert held == 1.0
    assert next_command(held, 0.4, 0.0) == held
    assert next_command(held, 0.4, 0.049) == held
    assert next_command(held, 0.4, -0.4) == 0.0
    assert next_command(held, 0.4, 0.2) == held


def pad_turn(arm: SimRobot, body: str) -> np.ndarray:
    """Rotation of a pad's body in the hand."""
    hand = arm.data.body("robot0_right_hand").xmat.reshape(3, 3)
    return np.asarray(hand.T @ arm.data.body(body).xmat.reshape(3, 3))


def test_pads_stay_parallel_over_the_whole_stroke(arm: SimRobot) -> None:
    open_turns, gaps = [pad_turn(arm, body) for body in PAD_BODIES], []
    for closed in (0.0, 0.5, 1.0):
        arm.command_gripper = closed
        arm.hold(0.8)
        assert arm.state()[6] == pytest.approx(closed, abs=0.02)
        for before, body in zip(open_turns, PAD_BODIES, strict=True):
            assert np.allclose(pad_turn(arm, body), before, atol=1e-3)
        left, right = (arm.data.geom(name).xpos for name in PAD_GEOMS)
        gaps.append(float(np.linalg.norm(left - right)))
    assert gaps[0] == pytest.approx(STROKE_M, abs=0.005)
    assert gaps[2] < 0.005
    assert gaps[0] > gaps[1] > gaps[2]


def test_opens_and_closes_by_actions_without_moving_the_flange(arm: SimRobot) -> None:
    start = arm.flange_position
    for delta, wanted in ((1.0, 1.0), (-1.0, 0.0)):
        arm.move(gripper_action(delta))
        arm.hold(0.6)
        assert arm.state()[6] == pytest.approx(wanted, abs=0.02)
        assert np.linalg.norm(arm.flange_position - start) < 0.005

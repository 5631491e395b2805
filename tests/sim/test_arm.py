"""The arm: where the flange is, what a blocking move promises, what it holds."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from armchair.poses import difference, euler_to_matrix
from armchair.sim.arm import MAX_MOVE_ROWS, ROW_S
from armchair.sim.behaviours import FLANGE_HIGH, FLANGE_LOW
from armchair.sim.robot import SimRobot
from armchair.sim.scene import SUBSTEPS_PER_ROW

ZERO = np.zeros(7)


def angle_between(first: np.ndarray, second: np.ndarray) -> float:
    """Angle in radians between the orientations of two states (7,)."""
    turn = euler_to_matrix(first[3:6]).T @ euler_to_matrix(second[3:6])
    return float(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1)))


def random_action(arm: SimRobot, rng: np.random.Generator) -> np.ndarray:
    """A translation from the planner's box that stays in the workspace."""
    action = np.zeros(7)
    target = arm.flange_position + rng.uniform(-0.075, 0.075, 3)
    action[:3] = np.clip(target, FLANGE_LOW, FLANGE_HIGH) - arm.flange_position
    return action


def test_reset_pose_is_that_of_droid(arm: SimRobot) -> None:
    state = arm.state()
    assert np.allclose(state[:3], [0.360, 0.0, 0.490], atol=1e-3)
    assert np.mod(state[3], 2 * np.pi) == pytest.approx(np.pi, abs=1e-3)
    assert np.allclose(state[4:6], 0.0, atol=1e-3)
    assert state[6] == pytest.approx(0.0, abs=0.01)


def test_command_after_reset_is_the_pose(arm: SimRobot) -> None:
    assert np.allclose(difference(arm.state(), arm.command()), 0.0, atol=0.01)


def test_joint_command_leads_to_the_commanded_pose(arm: SimRobot) -> None:
    arm.drive_to(np.array([0.46, 0.0, 0.36]))
    arm.hold(1.0)
    arm.set_target(np.array([0.03, -0.02, 0.01, 0.0, 0.0, 0.1, 0.0]))
    wanted, before = arm.command(), arm.state()
    arm.data.qpos[arm.joint_qpos] = arm.joint_command()
    mujoco.mj_forward(arm.model, arm.data)
    left, asked = difference(arm.state(), wanted), difference(before, wanted)
    assert np.linalg.norm(left[:3]) < 0.1 * np.linalg.norm(asked[:3])
    assert np.linalg.norm(left[3:6]) < 0.1 * np.linalg.norm(asked[3:6])


def test_a_row_is_forty_steps_of_a_600th_second(arm: SimRobot) -> None:
    assert arm.model.opt.timestep == 1 / 600
    assert SUBSTEPS_PER_ROW == 40
    assert pytest.approx(1 / 15) == ROW_S
    start = arm.data.time
    arm.hold(1.0)
    assert arm.data.time - start == pytest.approx(1.0, abs=1e-9)


def test_a_blocking_move_arrives_in_time(arm: SimRobot) -> None:
    arm.drive_to(np.array([0.46, 0.0, 0.36]))
    rng = np.random.default_rng(0)
    for _ in range(12):
        action, start, seen = random_action(arm, rng), arm.flange_position, []
        rows = arm.move(action, on_row=lambda seen=seen: seen.append(1))
        assert rows == len(seen) <= MAX_MOVE_ROWS
        assert np.linalg.norm(arm.flange_position - start - action[:3]) < 0.005
        assert arm.flange_speed < 0.02


def test_a_move_that_cannot_end_gives_up_after_18_rows(arm: SimRobot) -> None:
    far = np.array([0.9, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    assert arm.move(far) == MAX_MOVE_ROWS


def test_orientation_is_held_over_moves_without_rotation(arm: SimRobot) -> None:
    start, rng = arm.state(), np.random.default_rng(1)
    worst = 0.0
    for _ in range(30):
        arm.move(random_action(arm, rng))
        worst = max(worst, angle_between(start, arm.state()))
    assert worst < 0.03


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_rolls_on_both_sides_of_the_cut(arm: SimRobot, sign: float) -> None:
    """A small turn over ±pi is a small turn: for the state, the command and the arm."""
    start = arm.state()
    arm.move(np.array([0, 0, 0, sign * 0.1, 0, 0, 0]))
    arm.hold(1.0)
    end = arm.state()
    assert np.sign(end[3]) == -sign  # pi + 0.1 is stored as -pi + 0.1
    assert difference(start, end)[3] == pytest.approx(sign * 0.1, abs=0.02)
    assert angle_between(start, end) == pytest.approx(0.1, abs=0.02)
    arm.move(ZERO)
    assert angle_between(end, arm.state()) < 0.02


@pytest.mark.parametrize("axis", [3, 4, 5])
def test_rotations_are_about_the_axes_of_the_base(arm: SimRobot, axis: int) -> None:
    arm.drive_to(np.array([0.46, 0.0, 0.36]))
    start, action = arm.state(), np.zeros(7)
    action[axis] = 0.2
    arm.move(action)
    arm.hold(1.0)
    change = difference(start, arm.state())
    assert np.allclose(change[3:6], action[3:6], atol=0.02)
    assert np.linalg.norm(change[:3]) < 0.01


def test_hold_keeps_pose_and_gripper_command(arm: SimRobot) -> None:
    arm.move(np.array([0.05, 0.05, -0.05, 0, 0, 0, 0.5]))
    before, command = arm.state(), arm.command()
    arm.hold(1.0)
    assert np.linalg.norm(arm.flange_position - before[:3]) < 0.005
    assert arm.flange_speed < 0.002
    assert angle_between(before, arm.state()) < 0.01
    assert np.array_equal(arm.command(), command)


def test_drive_to_reports_the_error_that_is_left(arm: SimRobot) -> None:
    goal = np.array([0.55, -0.15, 0.30])
    error = arm.drive_to(goal)
    assert error == pytest.approx(np.linalg.norm(arm.flange_position - goal), abs=1e-12)
    assert error < 0.005
    assert arm.drive_to(np.array([1.5, 0.0, 0.3])) > 0.1


def test_a_snapshot_brings_back_everything(arm: SimRobot) -> None:
    arm.move(np.array([0.05, 0.0, -0.05, 0, 0, 0.1, 0.6]))
    snapshot, state, command = arm.snapshot(), arm.state(), arm.command()
    after = []
    for _ in range(2):
        arm.restore(snapshot)
        assert np.array_equal(arm.state(), state)
        assert np.array_equal(arm.command(), command)
        arm.move(np.array([0.03, 0.07, 0.02, 0, 0, -0.1, -0.3]))
        after.append(arm.data.qpos.copy())
    assert np.array_equal(*after)


def test_the_same_actions_move_the_same_way(arm: SimRobot) -> None:
    ends = []
    for seed in (0, 0, 1):
        arm.new_scene("full", np.random.default_rng(seed))
        for _ in range(2):
            arm.move(np.array([0.03, 0.07, -0.07, 0, 0, 0.2, 0.5]))
        ends.append(arm.data.qpos[arm.joint_qpos].copy())
    assert np.array_equal(ends[0], ends[1])
    assert np.array_equal(ends[0], ends[2]), "a scene's looks moved the arm"

"""Behaviours: the changes between model frames cover what the planner asks about."""

from __future__ import annotations

import numpy as np
import pytest

from armchair.errors import UnknownNameError
from armchair.sim.behaviours import BEHAVIOURS, FLANGE_HIGH, FLANGE_LOW, STEP_M
from armchair.sim.recorder import Recorder
from armchair.sim.robot import SimRobot

ROWS = 240
MODEL_STRIDE = 4
"""Rows between model frames: 3.75 fps."""


def recorded(arm: SimRobot, name: str, seed: int = 0) -> tuple[Recorder, np.ndarray]:
    """A recorder after a behaviour without pictures, and the states (ROWS, 7)."""
    arm.drive_to(np.array([0.48, 0.0, 0.36]))
    recorder = Recorder(arm, rendered=())
    outcome = BEHAVIOURS[name](recorder, np.random.default_rng(seed), ROWS)
    episode = recorder.episode(0, outcome.task, success=outcome.success, simulation={})
    return recorder, episode.robot.states


def test_behaviours_are_named() -> None:
    assert set(BEHAVIOURS) == {"play", "steps", "reach"}
    with pytest.raises(UnknownNameError, match="behaviour 'dance'"):
        BEHAVIOURS["dance"]


@pytest.mark.parametrize("name", ["play", "steps", "reach"])
def test_changes_cover_the_planners_box(arm: SimRobot, name: str) -> None:
    recorder, states = recorded(arm, name)
    assert len(recorder) == len(states) == ROWS
    assert (states[:, :3] > FLANGE_LOW - 0.03).all()
    assert (states[:, :3] < FLANGE_HIGH + 0.03).all()
    change = states[MODEL_STRIDE:, :3] - states[:-MODEL_STRIDE, :3]
    low, high = np.quantile(change, [0.02, 0.98], axis=0)
    assert (low < -0.02).all(), "every direction"
    assert (high > 0.02).all()
    assert np.abs(change).max() > 0.75 * STEP_M
    assert np.ptp(states[:, 6]) > 0.3, "the gripper plays, too"


def test_steps_are_settled_moves(arm: SimRobot) -> None:
    recorder, states = recorded(arm, "steps")
    starts = np.array(recorder.step_starts)
    assert starts[0] == 0
    assert (np.diff(starts) >= 1).all()
    assert (np.diff(starts) <= 18).all()
    moves = np.abs(np.diff(states[starts, :3], axis=0))
    assert moves.max() < STEP_M + 0.01
    assert moves.max() > 0.8 * STEP_M


def test_reach_says_whether_it_ended_at_its_goal(arm: SimRobot) -> None:
    arm.drive_to(np.array([0.48, 0.0, 0.36]))
    for rows, seed in ((2, 0), (40, 0), (40, 1)):
        recorder = Recorder(arm, rendered=())
        outcome = BEHAVIOURS["reach"](recorder, np.random.default_rng(seed), rows)
        assert outcome.goal is not None
        error = np.linalg.norm(outcome.goal[:3] - arm.flange_position)
        assert outcome.success == (error < 0.02)

"""Behaviours: the changes between model frames cover what the planner asks about."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from armchair.errors import UnknownNameError
from armchair.sim.behaviours import (
    BEHAVIOURS,
    FLANGE_HIGH,
    FLANGE_LOW,
    FREE,
    GRIPPER_STEP,
    HOVER_M,
    STEP_M,
    Outcome,
)
from armchair.sim.behaviours.mover import Mover
from armchair.sim.behaviours.things import is_lifted, object_position, table_flange
from armchair.sim.objects import rest_height
from armchair.sim.randomise import Level
from armchair.sim.recorder import Recorder
from armchair.sim.robot import SimRobot
from armchair.sim.scene import SceneConfig

ROWS = 240
HANDLING = ("grasp", "carry", "place", "recover")
TOUCHING = ("push", "gripper", "near")
MODEL_STRIDE = 4
"""Rows between model frames: 3.75 fps."""


def recorded(arm: SimRobot, name: str, seed: int = 0) -> tuple[Recorder, np.ndarray]:
    """A recorder after a behaviour without pictures, and the states (ROWS, 7)."""
    arm.drive_to(np.array([0.48, 0.0, 0.36]))
    recorder = Recorder(arm, rendered=())
    outcome = BEHAVIOURS[name](recorder, np.random.default_rng(seed), ROWS)
    episode = recorder.episode(0, outcome.task, success=outcome.success, simulation={})
    return recorder, episode.robot.states


def handled(
    arm: SimRobot, name: str, seed: int, rows: int = 120
) -> tuple[Outcome, Recorder, np.ndarray, np.ndarray]:
    """What came of a behaviour with an object: states (rows, 7), object positions (rows, 3)."""
    arm.drive_to(np.array([0.48, 0.0, HOVER_M]))
    recorder = Recorder(arm, rendered=())
    outcome = BEHAVIOURS[name](recorder, np.random.default_rng(seed), rows)
    episode = recorder.episode(0, outcome.task, success=outcome.success, simulation={})
    place = np.asarray(episode.simulation["object_pose"])[:, :3]
    return outcome, recorder, episode.robot.states, place


def test_behaviours_are_named() -> None:
    assert {*FREE, *HANDLING, *TOUCHING, "rearrange", "fingers", "glide", "glide_fingers"} == set(
        BEHAVIOURS
    )
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


@pytest.mark.parametrize("name", [*HANDLING, *TOUCHING])
def test_behaviours_with_an_object_stay_in_bounds(arm: SimRobot, name: str) -> None:
    outcome, recorder, states, _ = handled(arm, name, seed=1, rows=60)
    assert len(recorder) == len(states) == 60
    assert "box" in outcome.task or name == "gripper"
    assert states[:, 2].min() > table_flange(arm) - 0.01, "the fingertips stay off the table"
    assert (states[:, :2] > FLANGE_LOW[:2] - 0.1).all()
    assert (states[:, :2] < FLANGE_HIGH[:2] + 0.1).all()
    starts = np.array(recorder.step_starts)
    assert (np.diff(starts) > 0).all()
    assert starts[-1] < 60
    if outcome.settled:
        step = np.abs(np.diff(states[starts], axis=0))
        assert step[:, :3].max() < STEP_M + 0.02
        assert step[:, 6].max() < GRIPPER_STEP * 1.25 + 0.05, "with the squeeze"


def test_rearranged_objects_stand_all_over_the_table(arm: SimRobot) -> None:
    _, _, states, place = handled(arm, "rearrange", seed=3)
    jumps = np.linalg.norm(np.diff(place[:, :2], axis=0), axis=1) > 0.04
    assert jumps.sum() > 5, "it is put elsewhere again and again"
    assert np.ptp(place[:, :2], axis=0).min() > 0.15
    assert (np.abs(place[:, 2] - rest_height(arm.model)) < 0.03).all(), "it stands"
    hand_to_object = np.linalg.norm(states[1:, :2] - place[1:, :2], axis=1)
    assert hand_to_object[jumps].min() > 0.06, "never in the hand's way"


def test_some_arms_stay_while_the_object_is_rearranged(arm: SimRobot) -> None:
    ranges = []
    for seed in range(6):
        _, _, states, _ = handled(arm, "rearrange", seed=seed, rows=60)
        ranges.append(float(np.ptp(states[:, :3], axis=0).max()))
        assert np.ptp(states[:, 6]) > 0.2, "fingers play either way"
    assert min(ranges) < 0.02 < 0.1 < max(ranges)


def test_fingers_play_alone(arm: SimRobot) -> None:
    _, _, states, place = handled(arm, "fingers", seed=0)
    assert np.ptp(states[:, :3], axis=0).max() < 0.01
    assert np.ptp(place, axis=0).max() < 0.005
    assert np.ptp(states[:, 6]) > 0.7
    assert 0.2 < states[:, 6].mean() < 0.8


def test_grasp_lifts_the_box_and_says_so(arm: SimRobot) -> None:
    outcome, _, _, place = handled(arm, "grasp", seed=0)
    assert outcome.success
    assert place[:, 2].max() > rest_height(arm.model) + 0.04
    assert place[0, 2] == pytest.approx(rest_height(arm.model), abs=1e-3)


def test_carry_starts_with_the_box_in_the_hand(arm: SimRobot) -> None:
    outcome, _, states, place = handled(arm, "carry", seed=0)
    assert outcome.success == is_lifted(arm)
    assert (place[:30, 2] > rest_height(arm.model) + 0.03).all()
    hangs = states[:30, :3] - place[:30]
    assert np.ptp(hangs, axis=0).max() < 0.02, "it moves with the hand"
    assert np.ptp(states[:, :3], axis=0).max() > 0.1


def test_place_puts_the_box_down_elsewhere(arm: SimRobot) -> None:
    outcome, _, _, place = handled(arm, "place", seed=1, rows=160)
    assert outcome.success
    down = np.flatnonzero(place[:, 2] < rest_height(arm.model) + 0.005)
    stood = np.split(place[down, :2], np.flatnonzero(np.diff(down) > 1) + 1)
    moved = [np.linalg.norm(after[0] - before[-1]) for before, after in pairwise(stood)]
    assert max(moved, default=0.0) > 0.05, "away from where it stood before"


def test_recovery_closes_on_nothing_first(arm: SimRobot) -> None:
    outcome, _, states, place = handled(arm, "recover", seed=0, rows=200)
    empty = int(np.argmax(states[:, 6] > 0.9))
    assert states[empty, 6] > 0.9, "a closed hand holds no box"
    lifted = place[:, 2] > rest_height(arm.model) + 0.03
    assert outcome.success
    assert lifted.any()
    assert not lifted[:empty].any()


def test_push_says_whether_the_box_moved(arm: SimRobot) -> None:
    before = object_position(arm)
    outcome, _, states, place = handled(arm, "push", seed=0)
    assert outcome.success
    assert np.linalg.norm(place[-1, :2] - before[:2]) > 0.04
    assert place[:, 2].max() < rest_height(arm.model) + 0.02, "it was not picked up"
    assert states[60:, 6].min() > 0.5, "with closed fingers"


def test_steps_near_the_object_fill_the_planners_box(arm: SimRobot) -> None:
    _, recorder, states, _ = handled(arm, "near", seed=1, rows=ROWS)
    step = np.diff(states[np.array(recorder.step_starts)], axis=0)
    low, high = np.quantile(step, [0.05, 0.95], axis=0)
    assert (low[:3] < -0.03).all()
    assert (high[:3] > 0.03).all()
    assert low[6] < -0.25
    assert high[6] > 0.25
    assert np.abs(step[:, :3]).max() > 0.9 * STEP_M


def test_action_noise_is_added_to_every_action(arm: SimRobot) -> None:
    ends = []
    for noise in (0.0, 0.02):
        arm.drive_to(np.array([0.48, 0.0, 0.36]))
        level = Level(action_noise_m=noise)
        mover = Mover(Recorder(arm, (), level), np.random.default_rng(0), 20)
        mover.settled = True
        mover.step(np.array([0.05, 0.0, 0.0]))
        ends.append(arm.flange_position)
    assert np.linalg.norm(ends[0] - [0.53, 0.0, 0.36]) < 0.006
    assert np.linalg.norm(ends[1] - [0.53, 0.0, 0.36]) > 0.008


@pytest.mark.slow
def test_the_cup_is_grasped_by_its_rim() -> None:
    arm = SimRobot(SceneConfig(object="cup"))
    arm.new_scene("none", np.random.default_rng(0))
    outcome, _, _, place = handled(arm, "grasp", seed=0, rows=100)
    assert "cup" in outcome.task
    assert place[:, 2].max() > rest_height(arm.model) + 0.04

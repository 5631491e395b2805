"""Pairs out of logged episodes: the rows asked for, within reach, and bad rows by name."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from armchair.errors import BadFileError, BadValueError
from armchair.evaluation.logged_pairs import drawn_pairs, logged_moments, logged_pair
from armchair.planners import ActionBounds
from armchair.sim.droid_writer import write_episode
from armchair.worldmodel.data.episodes import DroidEpisodes
from tests.factories import RESET_POSE, make_episode


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("logged")
    for number in range(2):
        write_episode(folder, make_episode(number, rows=24))
    return folder


def test_the_rows_asked_for(root: Path) -> None:
    episode = DroidEpisodes(root)[0]
    pair = logged_pair(episode.path, (3, 11))
    states = episode.states()
    assert np.array_equal(pair.before.state, states[3])
    assert np.array_equal(pair.after.state, states[11])
    assert np.array_equal(pair.after.frame, episode.frames([11])[0])
    assert pair.name.endswith("-3-11")


def test_moments_lead_to_the_goal(root: Path) -> None:
    episode = DroidEpisodes(root)[1]
    found = list(logged_moments(episode.path, (2, 12), 5))
    assert [pair.name.rsplit("-", 2)[1:] for pair in found] == [
        [str(row), "12"] for row in (2, 4, 6, 8, 10)
    ]


@pytest.mark.parametrize("rows", [(0, 24), (-1, 4), (5, 5)])
def test_bad_rows_are_named(root: Path, rows: tuple[int, int]) -> None:
    with pytest.raises(BadValueError, match=r"two different ones of 0 … 23"):
        logged_pair(DroidEpisodes(root)[0].path, rows)


def test_a_folder_of_several_is_refused(root: Path) -> None:
    with pytest.raises(BadFileError, match="holds 2 episodes"):
        logged_pair(root, (0, 4))


def test_drawn_pairs_are_within_reach_and_repeat(root: Path) -> None:
    first, again, other = (drawn_pairs(root, 5, seed=seed) for seed in (3, 3, 4))
    assert len(first) == 5
    assert len({pair.name.rsplit("-", 2)[0] for pair in first}) == 2, "of both episodes"
    assert [pair.name for pair in first] == [pair.name for pair in again]
    assert not {pair.name for pair in first} & {pair.name for pair in other}
    limit = float(ActionBounds().limits()[0])
    for pair in first:
        move = pair.true_action
        assert np.linalg.norm(move[:3]) >= 0.02
        assert np.abs(move[:3]).max() <= limit
        assert np.abs(move[3:6]).max() <= 0.15


def test_episodes_without_pairs_are_passed_over(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root, tmp_path, dirs_exist_ok=True)
    episode = make_episode(7, rows=12)
    for index in range(2):
        still = replace(episode.robot, cartesian_position=np.tile(RESET_POSE, (12, 1)))
        write_episode(tmp_path, replace(make_episode(7 + index, rows=12), robot=still))
    assert len(drawn_pairs(tmp_path, 40, seed=0)) == 40


def test_arms_that_stand_still_give_no_pairs(tmp_path: Path) -> None:
    episode = make_episode(0, rows=12)
    still = replace(episode.robot, cartesian_position=np.tile(RESET_POSE, (12, 1)))
    write_episode(tmp_path, replace(episode, robot=still))
    with pytest.raises(BadValueError, match=r"too few pairs of frames between 2 cm and"):
        drawn_pairs(tmp_path, 1, seed=0)

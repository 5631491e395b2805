"""Spaces: what they hold, and that an action in the wrong unit is refused with the fix."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from armchair.envs.spaces import action_space, checked_action, observation_space
from armchair.errors import BadValueError

SPACE = action_space()


def test_actions_are_changes_of_state() -> None:
    assert SPACE.shape == (7,)
    assert SPACE.high.tolist() == [0.075] * 3 + [0.5] * 3 + [1.0]
    assert np.array_equal(SPACE.low, -SPACE.high)


def test_observations_hold_two_pictures_and_the_state_and_no_more() -> None:
    spaces = observation_space()
    assert set(spaces) == {"frame", "state", "goal_frame"}
    assert spaces["frame"] == spaces["goal_frame"]
    assert spaces["frame"].shape == (256, 256, 3)
    assert spaces["frame"].dtype == np.uint8


@pytest.mark.parametrize("roll", [np.pi, -np.pi, np.nextafter(np.pi, 4)])
def test_both_sides_of_the_cut_are_states(roll: float) -> None:
    state = np.array([0.36, 0.0, 0.49, roll, 0.0, 0.0, 0.0])
    assert state in observation_space()["state"]


@pytest.mark.parametrize("bound", [SPACE.low, SPACE.high])
def test_float32_bounds_are_within(bound: np.ndarray) -> None:
    action = checked_action(bound.astype(np.float32), SPACE)
    assert action.dtype == np.float64
    assert action in SPACE


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (np.zeros(6), r"shape \(6,\), expected \(7,\)"),
        (np.zeros((1, 7)), r"shape \(1, 7\)"),
        (0.0, r"shape \(\)"),
        ([0, 0, np.nan, 0, 0, 0, 0], "not finite"),
        ([0, np.inf, 0, 0, 0, 0, 0], "not finite"),
        ([0, 50.0, 0, 0, 0, 0, 0], r"action\[1\] = 50 is outside ±0.075 \(metres\).*unit"),
        ([0, 0, 0, 0, 0, 10.0, 0], r"action\[5\] = 10 is outside ±0.5 \(radians\)"),
        ([0, 0, 0, 0, 0, 0, -85.0], r"action\[6\] = -85 is outside ±1 \(closedness\)"),
    ],
)
def test_bad_actions(action: Any, message: str) -> None:
    with pytest.raises(BadValueError, match=message):
        checked_action(action, SPACE)


@pytest.mark.parametrize("action", [["a"] * 7, [[0.0], [0.0, 1.0]], {"x": 0.1}])
def test_what_is_no_array_of_numbers(action: Any) -> None:
    with pytest.raises(BadValueError, match="7 numbers"):
        checked_action(action, SPACE)

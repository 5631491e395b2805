"""Pose algebra against the reference's numbers and against scipy, and the unit checks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file
from scipy.spatial.transform import Rotation

from armchair.errors import BadValueError
from armchair.poses import (
    Array,
    check_states,
    compose,
    difference,
    euler_to_matrix,
    matrix_to_euler,
    roll_to_sandbox,
)

GOLDEN = load_file(Path(__file__).parents[1] / "golden" / "tiny64.safetensors")
GOOD = np.array([0.36, 0.0, 0.49, np.pi, 0.0, 0.0, 0.5])

angles = st.floats(-np.pi, np.pi)


def assert_same_poses(found: Array, expected: Array, tolerance: float = 1e-4) -> None:
    straight = [0, 1, 2, 6]
    np.testing.assert_allclose(found[..., straight], expected[..., straight], atol=tolerance)
    rotations = (euler_to_matrix(p[..., 3:6]) for p in (found, expected))
    np.testing.assert_allclose(*rotations, atol=tolerance)


def test_golden_compose_and_difference() -> None:
    start = GOLDEN["in.pose"]
    assert_same_poses(compose(start, GOLDEN["in.pose_delta"]), GOLDEN["out.pose_next"])
    assert_same_poses(difference(start, GOLDEN["out.pose_next"]), GOLDEN["out.pose_diff"])


@given(angles, st.floats(-1.5, 1.5), angles)
def test_euler_angles_agree_with_scipy(roll: float, pitch: float, yaw: float) -> None:
    euler = np.array([roll, pitch, yaw])
    matrix = Rotation.from_euler("xyz", euler).as_matrix()
    np.testing.assert_allclose(euler_to_matrix(euler), matrix, atol=1e-12)
    np.testing.assert_allclose(euler_to_matrix(matrix_to_euler(matrix)), matrix, atol=1e-9)


@pytest.mark.parametrize("pitch", [-np.pi / 2, np.pi / 2])
def test_gimbal_lock_keeps_the_rotation(pitch: float) -> None:
    matrix = euler_to_matrix([0.7, pitch, 0.3])
    np.testing.assert_allclose(euler_to_matrix(matrix_to_euler(matrix)), matrix, atol=1e-7)


@given(angles, st.floats(-1.5, 1.5), angles)
def test_difference_undoes_compose(roll: float, pitch: float, yaw: float) -> None:
    action = np.array([0.01, -0.05, 0.07, 0.1, -0.2, 0.3, 0.25])
    start = np.array([0.4, 0.1, 0.3, roll, pitch, yaw, 0.5])
    assert_same_poses(difference(start, compose(start, action)), action, 1e-6)


def test_sandbox_roll_has_no_cut_at_pi() -> None:
    near = np.tile(GOOD, (2, 1))
    near[:, 3] = np.pi - 0.01, -np.pi + 0.01
    rolls = roll_to_sandbox(near)[:, 3]
    np.testing.assert_allclose(np.diff(rolls), 0.02)


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        (0, np.nan, "finite"),
        (0, 360.0, "millimetres"),
        (3, 180.0, "degrees"),
        (6, -0.04, "width"),
        (6, 80.0, "width"),
    ],
)
def test_wrong_units_are_named(column: int, value: float, says: str) -> None:
    states = np.tile(GOOD, (3, 1))
    states[1, column] = value
    with pytest.raises(BadValueError, match=f"log: .*{says}"):
        check_states(states, "log")


def test_good_states_pass() -> None:
    np.testing.assert_array_equal(check_states(GOOD, "log"), GOOD)

"""What stands in the files, beyond shapes and types: attributes, shares, camera types, times."""

from __future__ import annotations

import re
from typing import Any

import h5py
import numpy as np
import pytest

from armchair.episode_names import EpisodeName
from armchair.episode_table import datasets
from armchair.sim.droid_writer import write_episode
from tests.factories import SERIALS, make_episode

ROWS = 34


@pytest.fixture(scope="module")
def trajectory(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Every dataset of an episode of index 3 by path, its attributes under ""."""
    folder = write_episode(tmp_path_factory.mktemp("one"), make_episode(3, rows=ROWS))
    found: dict[str, Any] = {}
    with h5py.File(folder / "trajectory.h5") as file:
        for row in datasets(tuple(SERIALS.values())):
            found[row.path] = file[row.path][()]
        found[""] = dict(file.attrs)
    return found


def test_attributes(trajectory: dict[str, Any]) -> None:
    attributes = trajectory[""]
    assert re.fullmatch(r"panda-\d{6}-\d{7}", attributes["robot_serial_number"])
    assert attributes["version_number"] == "1.3"
    assert int(attributes["scene_id"]) == 7
    assert (attributes["success"], attributes["failure"]) == (True, False)
    assert attributes["current_task"] == "move the gripper"
    assert attributes["time"].endswith("_2025")


def test_joint_velocities_are_shares_of_a_fifth_of_a_radian(trajectory: dict[str, Any]) -> None:
    """The command is 0.01 rad ahead on every joint: a twentieth of the limit."""
    assert np.allclose(trajectory["action/joint_velocity"], 0.05)


def test_camera_types(trajectory: dict[str, Any]) -> None:
    for role, serial in SERIALS.items():
        wanted = 0 if role == "wrist" else 1
        assert (trajectory[f"observation/camera_type/{serial}"] == wanted).all()


def test_the_right_eye_stands_to_the_right_of_the_left_one(trajectory: dict[str, Any]) -> None:
    for role, serial in SERIALS.items():
        left, right = (
            trajectory[f"observation/camera_extrinsics/{serial}_{eye}"] for eye in ("left", "right")
        )
        assert np.array_equal(left[:, 3:], right[:, 3:])
        apart = np.linalg.norm(right[:, :3] - left[:, :3], axis=1)
        assert np.allclose(apart, 0.063 if role == "wrist" else 0.12)


def test_times_are_virtual_and_fifteen_a_second(trajectory: dict[str, Any]) -> None:
    start = trajectory["observation/timestamp/control/step_start"]
    assert start[0] == EpisodeName(3).start_ms == 1_735_689_600_000 + 3 * 120_000
    assert (start[15:] - start[:-15] == 1000).all()
    state = "observation/timestamp/robot_state/robot_timestamp_"
    whole = trajectory[f"{state}seconds"] * 1000 + trajectory[f"{state}nanos"] // 1_000_000
    assert np.array_equal(whole, start)
    for serial in SERIALS.values():
        assert np.array_equal(trajectory[f"observation/timestamp/cameras/{serial}_read_end"], start)


def test_the_action_was_computed_from_the_observed_state(trajectory: dict[str, Any]) -> None:
    for name, values in trajectory.items():
        if name.startswith("action/robot_state/"):
            assert np.array_equal(values, trajectory[name.replace("action", "observation", 1)])

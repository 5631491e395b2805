"""Collection: an episode is a function of seed and index alone, and holds what it says."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from armchair.errors import BadFileError, BadValueError, UnknownNameError
from armchair.poses import difference
from armchair.sim import collect as collecting
from armchair.sim.cameras import LEFT_SERIAL, RIGHT_SERIAL, WRIST_SERIAL
from armchair.sim.collect import ROLE_STRIDE, CollectConfig, collect
from armchair.sim.droid_writer import existing_indices
from armchair.sim.made import made_under, total
from armchair.sim.mix import MixConfig
from armchair.sim.shard import Shard
from armchair.worldmodel.data.episodes import DroidEpisodes
from armchair.worldmodel.data.validate import validate_episode
from tests.sim.collecting import ROWS, STEPS, TINY, content, episodes


def test_episodes_validate_clean(collected: Path) -> None:
    assert len(episodes(collected)) == 2
    for folder in episodes(collected).values():
        assert validate_episode(folder) == []


def test_every_row_has_its_frame(collected: Path) -> None:
    for handle in DroidEpisodes(collected):
        assert len(handle) == len(handle.video_index) == ROWS
        assert handle.frames([0, ROWS - 1]).shape == (2, 256, 256, 3)


def test_only_what_was_rendered_is_there(collected: Path) -> None:
    for handle in DroidEpisodes(collected):
        assert [p.name for p in handle.video_path.parent.glob("*.mp4")] == [handle.video_path.name]
        assert handle.extrinsics()[0, 1] > 0, "the left camera"


def test_the_command_leads_from_state_to_state(collected: Path) -> None:
    """Row t holds the state and the command chosen from it: the flange follows its command."""
    for handle in DroidEpisodes(collected):
        with h5py.File(handle.path / "trajectory.h5") as file:
            command = file["action/cartesian_position"][:]
            success = bool(file.attrs["success"])
        assert success == (handle.path.parent.parent.name == "success")
        assert success == handle.metadata["success"]
        position = handle.states()[:, :3]
        apart = np.linalg.norm(command[:, :3] - position, axis=1)
        moving = np.nonzero(apart[:-1] > 0.03)[0]
        assert len(moving)
        nearer = np.linalg.norm(command[moving, :3] - position[moving + 1], axis=1)
        assert np.mean(nearer < apart[moving]) > 0.9


def test_simulation_file_says_how_it_was_made(collected: Path) -> None:
    for index, handle in enumerate(DroidEpisodes(collected)):
        with h5py.File(handle.path / "simulation.h5") as file:
            assert file.attrs["role"] == "train"
            assert file.attrs["level"] == "light"
            assert (file.attrs["seed"], file.attrs["episode"]) == (0, index)
            assert file["object_pose"].shape == (ROWS, 7)
            assert file["step_starts"][0] == 0
            assert file["finger_contacts"].shape == (ROWS, 2)
            assert file["held"].shape == (ROWS,)
            assert file.attrs["object"] == "box"


def test_joints_are_commanded_ahead_of_where_they_are(collected: Path) -> None:
    """Differential inverse kinematics of the commanded pose, not the joints as they are."""
    for handle in DroidEpisodes(collected):
        with h5py.File(handle.path / "trajectory.h5") as file:
            joints = file["observation/robot_state/joint_positions"][:]
            ahead = file["action/joint_position"][:] - joints
            velocity = file["action/joint_velocity"][:]
        assert np.abs(velocity).max() > 0.1
        assert np.corrcoef(ahead[:-1].ravel(), np.diff(joints, axis=0).ravel())[0, 1] > 0.5


def test_the_data_that_the_shipped_model_saw(collected: Path) -> None:
    """First rows of episodes 0 and 1 of seed 0: whoever changes how episodes are drawn or how the
    arm moves changes the training data. Made by `armchair collect --episodes 2 --rows 33`.
    """
    expected = [
        [0.329312, -0.180484, 0.415135, -3.140871, 0.001864, 0.000160, 0.001499],
        [0.488489, -0.046879, 0.515747, -3.141491, -0.004966, 0.000762, 0.001523],
    ]
    for handle, first in zip(DroidEpisodes(collected), expected, strict=True):
        apart = difference(first, handle.states()[0])
        assert np.allclose(apart[:6], 0.0, atol=1e-3)
        assert abs(apart[6]) < 2e-3, "the hand's own physics was refined since"


def test_an_episode_depends_on_its_index_alone(collected: Path, tmp_path: Path) -> None:
    """The same bytes from another run, in another order, after another level's scene."""
    full = CollectConfig(episodes=1, rows=ROWS, level="full", seed=5)
    collecting.make_episode(full, tmp_path / "full", 0)
    for index in (1, 0):
        collecting.make_episode(TINY, tmp_path / "again", index)
    before, after = episodes(collected), episodes(tmp_path / "again")
    assert before.keys() == after.keys()
    for name, folder in before.items():
        assert content(folder) == content(after[name])


def test_roles_never_share_an_index(tmp_path: Path) -> None:
    config = CollectConfig(episodes=1, rows=ROWS, role="validation", mix=STEPS)
    assert list(collect(config, tmp_path)) == [0]
    assert existing_indices(tmp_path) == {ROLE_STRIDE["validation"]}
    assert len({*ROLE_STRIDE.values()}) == 3
    assert list(collect(config, tmp_path)) == [0]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"level": "ligth"}, UnknownNameError, "Did you mean 'light'"),
        ({"role": "dev"}, UnknownNameError, "Known: test, train, validation"),
        ({"placement": "elevate"}, UnknownNameError, "Did you mean 'elevated'"),
        ({"gripper": "hook"}, UnknownNameError, "Known: panda, robotiq"),
        ({"cameras": ("left", "top")}, UnknownNameError, "unknown camera 'top'"),
        ({"cameras": ("wrist",)}, BadValueError, "give left, which readers need"),
        ({"camera_angle_deg": (85.0, 35.0)}, BadValueError, "85…35° are no range"),
        ({"camera_angle_deg": (-85.0, -35.0)}, BadValueError, "where the left camera is on the l"),
        ({"camera_angle_deg": (5.0, 20.0)}, BadValueError, "5…20° are no range within 10…170°"),
        ({"episodes": 0}, BadValueError, "at least 1 episode"),
        ({"rows": 32}, BadValueError, "rows 32: give at least 1 episode of 33 "),
        ({"rows": 1801}, BadValueError, "to 1800 rows"),
        ({"seed": -1}, BadValueError, "seed -1"),
        ({"mesh_keep": 0.0}, BadValueError, "mesh_keep is 0"),
    ],
)
def test_bad_options(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        CollectConfig(**options)


def test_every_camera_that_is_asked_for(tmp_path: Path) -> None:
    """Each episode has its three videos, the object is handled, and the folder says what it is."""
    mix = MixConfig(behaviours=(("carry", 1.0),), objects=(("cup", 1.0),))
    config = CollectConfig(
        episodes=1, rows=ROWS, level="full", mix=mix, cameras=("left", "right", "wrist")
    )
    assert list(collect(config, tmp_path)) == [0]
    (folder,) = episodes(tmp_path).values()
    assert validate_episode(folder) == []
    videos = {path.stem for path in folder.glob("recordings/MP4/*.mp4")}
    assert videos == {LEFT_SERIAL, RIGHT_SERIAL, WRIST_SERIAL}
    with h5py.File(folder / "simulation.h5") as file:
        assert (file.attrs["object"], file.attrs["behaviour"]) == ("cup", "carry")
        assert file["held"][0], "it starts in the hand"
        assert file["object_pose"][0, 2] > 0.06
    ((key, made),) = made_under(tmp_path).items()
    assert key == ("carry", "cup")
    assert (made.episodes, made.rows) == (1, ROWS)


def test_a_damaged_episode_is_named_when_it_is_counted(collected: Path, tmp_path: Path) -> None:
    shutil.copytree(collected, tmp_path, dirs_exist_ok=True)
    damaged = next(iter(episodes(tmp_path).values())) / "simulation.h5"
    damaged.write_bytes(b"")
    with pytest.raises(BadFileError, match=r"simulation\.h5: cannot be read .*Delete the episode"):
        made_under(tmp_path)


def test_what_made_nothing_claims_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise BadValueError("no engine")
        yield

    with monkeypatch.context() as patch:
        patch.setattr(collecting, "ENGINES", {"local": broken})
        with pytest.raises(BadValueError, match="no engine"):
            list(collect(TINY, tmp_path / "new"))
        with pytest.raises(BadValueError, match="no engine"):
            list(collect(TINY, tmp_path / "shared", shard=Shard(1, 2)))
    assert not (tmp_path / "new" / "collect.json").exists()
    assert (tmp_path / "shared" / "collect.json").exists(), "another shard may be at work"


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "text.txt").touch()
    with pytest.raises(BadFileError, match="is a file, not a folder"):
        list(collect(CollectConfig(episodes=1), tmp_path / "text.txt"))


def test_fewer_workers_than_none(tmp_path: Path) -> None:
    with pytest.raises(BadValueError, match="workers -2: give 1 or more"):
        next(collect(TINY, tmp_path, workers=-2))


def test_what_was_made_is_counted(collected: Path) -> None:
    found = made_under(collected)
    assert {thing for _, thing in found} == {"box"}
    everything = total(found.values())
    assert (everything.episodes, everything.rows) == (2, 2 * ROWS)
    assert everything.minutes == pytest.approx(2 * ROWS / 15 / 60)
    settled = sum(one.rows for (name, _), one in found.items() if name != "play")
    assert everything.settled_share == settled / everything.rows
    assert total([]).settled_share == 0.0

"""The writer: every dataset, the same bytes, all or nothing, what other DROID readers expect."""

from __future__ import annotations

import errno
import io
import json
import math
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import h5py
import numpy as np
import pytest

from armchair.episode import MIN_ROWS
from armchair.episode_names import EpisodeName, index_of
from armchair.episode_table import ATTRIBUTES, METADATA, VERSION_FIELDS, datasets
from armchair.errors import ArmchairError, BadFileError, BadValueError
from armchair.poses import compose, difference
from armchair.sim.droid_video import encode_mp4
from armchair.sim.droid_writer import clean_leftovers, episode_path, existing_indices, write_episode
from tests.factories import LEFT_ROLE, SERIALS, make_episode

LEFT = SERIALS[LEFT_ROLE]


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_every_dataset_has_its_shape_and_type(tmp_path: Path) -> None:
    episode = make_episode(rows=34)
    with h5py.File(write_episode(tmp_path, episode) / "trajectory.h5") as file:
        names: list[str] = []
        file.visit(names.append)
        found = {name for name in names if isinstance(file[name], h5py.Dataset)}
        table = datasets(episode.serials)
        assert found == {row.path for row in table}
        for row in table:
            assert file[row.path].shape == (34, *row.tail), row
            assert file[row.path].dtype == row.dtype, row
        assert set(ATTRIBUTES) == set(file.attrs)
        state = file["observation/robot_state"]
        assert np.array_equal(state["cartesian_position"], episode.robot.cartesian_position)
        assert np.array_equal(state["gripper_position"], episode.robot.gripper_position)
        for name in state:
            assert np.array_equal(file[f"action/robot_state/{name}"], state[name])


def test_velocities_are_shares_of_the_step_limits(tmp_path: Path) -> None:
    episode = make_episode()
    with h5py.File(write_episode(tmp_path, episode) / "trajectory.h5") as file:
        velocity = np.asarray(file["action/cartesian_velocity"])
        gripper = np.asarray(file["action/gripper_velocity"])
    action = np.column_stack([velocity[:, :3] * 0.075, velocity[:, 3:] * 0.15, gripper * 0.25])
    wanted = np.column_stack([episode.command.cartesian_position, episode.command.gripper_position])
    reached = compose(episode.robot.states, action)
    assert np.allclose(difference(reached, wanted), 0.0, atol=1e-9)


def test_far_commands_are_clipped_by_norm(tmp_path: Path) -> None:
    episode = make_episode()
    episode.command.cartesian_position[:, :3] += [0.3, 0.4, 0.0]
    with h5py.File(write_episode(tmp_path, episode) / "trajectory.h5") as file:
        velocity = np.asarray(file["action/cartesian_velocity"])[:, :3]
    assert np.allclose(np.linalg.norm(velocity, axis=1), 1.0)


def test_metadata(tmp_path: Path) -> None:
    episode = make_episode(index=725, success=False)
    folder = write_episode(tmp_path, episode)
    assert folder == tmp_path / "ARMCHAIR/failure/2025-01-02/Thu_Jan__2_00_10_00_2025"
    (path,) = folder.glob("*.json")  # exactly one
    fields = json.loads(path.read_text())
    assert set(fields) == {*METADATA, *VERSION_FIELDS}
    assert all(value is not None for value in fields.values())
    assert path.name == f"metadata_{fields['uuid']}.json"
    assert not set(fields["uuid"]) & set("_. ")
    assert " " not in str(folder.relative_to(tmp_path))
    assert fields["success"] is False
    assert fields["trajectory_length"] == 34
    assert fields["ext1_cam_serial"] < fields["ext2_cam_serial"]
    assert fields["left_mp4_path"] == fields["ext2_mp4_path"]  # the larger y
    lab = tmp_path / "ARMCHAIR"
    assert (lab / fields["left_mp4_path"]).is_file()
    assert (lab / fields["hdf5_path"]).is_file()
    assert not (lab / fields["wrist_mp4_path"]).exists()  # not rendered, but named


def test_sidecar_has_a_time_per_frame(tmp_path: Path) -> None:
    folder = write_episode(tmp_path, make_episode(index=1))
    times = json.loads((folder / f"recordings/MP4/{LEFT}_timestamps.json").read_text())
    assert len(times) == 34
    assert times[0] == EpisodeName(1).start_ms
    assert times[15] - times[0] == 1000


def test_simulation_file(tmp_path: Path) -> None:
    poses = np.arange(34 * 7.0).reshape(34, 7)
    simulation = {"object_pose": poses, "held": poses[:, 0] > 3, "seed": 5, "level": "light"}
    folder = write_episode(tmp_path, make_episode(simulation=simulation))
    with h5py.File(folder / "simulation.h5") as file:
        assert np.array_equal(file["object_pose"], poses)
        assert file["held"].dtype == bool
        assert file.attrs["seed"] == 5
        assert file.attrs["level"] == "light"


def test_the_same_episode_gives_the_same_bytes(tmp_path: Path) -> None:
    first = files(write_episode(tmp_path / "a", make_episode()))
    time.sleep(1.1)  # HDF5 and MP4 would keep whole seconds
    code = (
        "from pathlib import Path; from tests.factories import make_episode;"
        "from armchair.sim.droid_writer import write_episode;"
        f"write_episode(Path({str(tmp_path / 'b')!r}), make_episode())"
    )
    environment = {**os.environ, "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    assert files(episode_path(tmp_path / "b", 0, True)) == first


@pytest.mark.parametrize("size", [64, 256])
def test_video_keeps_colours_and_the_frame_count(size: int) -> None:
    frames = make_episode(rows=34, size=size).cameras[2].frames
    assert frames is not None
    with av.open(io.BytesIO(encode_mp4(frames)), "r") as container:
        stream = container.streams.video[0]
        assert (float(stream.average_rate or 0), stream.codec.name) == (15.0, "h264")
        assert stream.codec_context.pix_fmt == "yuv420p"
        decoded = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(stream)])
    assert decoded.shape == frames.shape
    error = decoded.astype(float) - frames
    assert 10 * math.log10(255**2 / (error**2).mean()) > 30
    assert np.abs(error.mean(axis=(0, 1, 2))).max() < 3  # no shift of range or channel


def test_vjepa2_loader_would_take_it(tmp_path: Path) -> None:
    """Facts of its data set: first *.json, split path, HDF5 keys, strictly more video than clip."""
    folder = write_episode(tmp_path, make_episode(rows=MIN_ROWS))
    fields = json.loads(next(folder.glob("*.json")).read_text())
    name = fields["left_mp4_path"].split("recordings/MP4/")[-1]
    with h5py.File(folder / "trajectory.h5") as file:
        assert file["observation/robot_state/cartesian_position"].shape == (MIN_ROWS, 6)
        serial = name.split(".")[0]
        assert file[f"observation/camera_extrinsics/{serial}_left"].shape == (MIN_ROWS, 6)
    with av.open(str(folder / "recordings/MP4" / name)) as container:
        stream = container.streams.video[0]
        rate = stream.average_rate
        assert rate is not None
        assert stream.frames > 8 * math.ceil(rate / 4)


def test_names_of_all_indices_come_back() -> None:
    for index in [0, 1, 719, 720, 6480, 100_000, 2_000_000]:
        assert index_of(EpisodeName(index).folder) == index
    for other in ["Sat_Nov_18_18_57_20_2023", "Wed_Jan__1_00_01_00_2025", ".partial", "x", ""]:
        assert index_of(other) is None


def test_existing_indices_for_resume(tmp_path: Path) -> None:
    assert existing_indices(tmp_path / "nowhere") == set()
    for index, success in [(0, True), (3, False), (720, True)]:
        write_episode(tmp_path, make_episode(index, success=success))
    assert existing_indices(tmp_path) == {0, 3, 720}
    with pytest.raises(BadFileError, match="exists"):
        write_episode(tmp_path, make_episode(3, success=False))
    assert existing_indices(tmp_path) == {0, 3, 720}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EACCES])
def test_a_refusing_disk_leaves_nothing_and_says_what_to_do(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_episode(tmp_path, make_episode(0))
    before = files(tmp_path)
    write_bytes = Path.write_bytes

    def refuse(path: Path, content: bytes) -> int:
        if path.suffix == ".mp4":
            write_bytes(path, content[: len(content) // 2])
            raise OSError(number, os.strerror(number), str(path))
        return write_bytes(path, content)

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(ArmchairError, match=r"MB free\. .*run the same command again") as caught:
        write_episode(tmp_path, make_episode(1))
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert files(tmp_path) == before


def test_a_real_refusal_of_the_kernel(tmp_path: Path) -> None:
    code = (
        "import resource; from pathlib import Path; from tests.factories import make_episode;"
        "from armchair.sim.droid_writer import write_episode; episode = make_episode();"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000));"
        f"write_episode(Path({str(tmp_path)!r}), episode)"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "ArmchairError" in process.stderr.splitlines()[-1]
    assert "File too large" in process.stderr.splitlines()[-1]
    assert files(tmp_path) == {}


@pytest.mark.parametrize("stop", [KeyboardInterrupt, RuntimeError])
def test_an_interrupt_before_the_rename_leaves_nothing(
    stop: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise stop

    monkeypatch.setattr("os.rename", interrupt)
    with pytest.raises(stop):
        write_episode(tmp_path, make_episode())
    assert files(tmp_path) == {}


def test_a_kill_leaves_only_a_leftover_which_is_cleaned(tmp_path: Path) -> None:
    code = (
        "import os, signal; from pathlib import Path; from tests.factories import make_episode;"
        "from armchair.sim import droid_writer;"
        "droid_writer.os.rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL);"
        f"droid_writer.write_episode(Path({str(tmp_path)!r}), make_episode(1))"
    )
    write_episode(tmp_path, make_episode(0))
    killed = subprocess.run([sys.executable, "-c", code], check=False)
    assert killed.returncode == -9
    assert existing_indices(tmp_path) == {0}
    (leftover,) = tmp_path.glob("*/*/*/.partial-*")
    assert clean_leftovers(tmp_path) == [leftover]
    assert not leftover.exists()
    assert write_episode(tmp_path, make_episode(1)).is_dir()


def test_cleaning_spares_living_writers_and_fresh_ones_elsewhere(tmp_path: Path) -> None:
    folder = episode_path(tmp_path, 0, True).parent
    host = socket.gethostname()
    for name in [f"{host}-{os.getpid()}-a", "elsewhere-1-b"]:
        (folder / f".partial-{name}").mkdir(parents=True)
    assert clean_leftovers(tmp_path) == []
    os.utime(folder / ".partial-elsewhere-1-b", (0, 0))
    assert [path.name for path in clean_leftovers(tmp_path)] == [".partial-elsewhere-1-b"]
    shutil.rmtree(tmp_path / "ARMCHAIR")


def test_a_writer_elsewhere_that_has_just_finished_is_no_leftover(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / ".partial-elsewhere-1-b"
    monkeypatch.setattr(Path, "glob", lambda self, pattern: iter([gone]))
    assert clean_leftovers(tmp_path) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("robot", "cartesian_position", (3, 0), np.nan), "row 3, column 0 is nan"),
        (("robot", "cartesian_position", (0, 3), 180.0), "degrees"),
        (("robot", "gripper_position", 5, 85.0), "width"),
        (("command", "cartesian_position", (0, 3), 180.0), "command.*degrees"),
    ],
)
def test_bad_states_are_not_recorded(change: tuple[str, str, Any, float], words: str) -> None:
    episode = make_episode()
    log, name, place, value = change
    getattr(getattr(episode, log), name)[place] = value
    with pytest.raises(BadValueError, match=words):
        type(episode)(**vars(episode))


def test_cameras_are_checked() -> None:
    episode = make_episode()
    with pytest.raises(BadValueError, match="wrist, ext1 and ext2"):
        make_episode(cameras=episode.cameras[:2])
    longer = tuple(replace(c, extrinsics=np.zeros((35, 6))) for c in episode.cameras)
    with pytest.raises(BadValueError, match="expected uint8"):
        make_episode(rows=35, cameras=longer)

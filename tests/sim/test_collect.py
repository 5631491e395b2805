"""Collection: a function of seed and index alone, whole or not at all, resumable after a kill."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from armchair.episode_names import LAB
from armchair.errors import ArmchairError, BadFileError, BadValueError, UnknownNameError
from armchair.poses import difference
from armchair.sim import collect as collecting
from armchair.sim.cameras import LEFT_SERIAL, RIGHT_SERIAL, WRIST_SERIAL
from armchair.sim.collect import ROLE_STRIDE, CollectConfig, collect
from armchair.sim.droid_writer import TEMPORARY, existing_indices
from armchair.sim.made import made_under, total
from armchair.sim.manifest import MANIFEST
from armchair.sim.mix import MixConfig
from armchair.sim.shard import Shard
from armchair.worldmodel.data.episodes import DroidEpisodes
from armchair.worldmodel.data.validate import validate_episode

ROWS = 33
STEPS = MixConfig(behaviours=(("steps", 1.0),))
TINY = CollectConfig(episodes=2, rows=ROWS)
COMMAND = [sys.executable, "-m", "armchair", "collect", "--rows", str(ROWS), "--workers", "2"]


def episodes(root: Path) -> dict[str, Path]:
    """Folders of complete episodes by their path under `root`, as readers find them."""
    return {str(h.path.relative_to(root)): h.path for h in DroidEpisodes(root)}


def content(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tiny episodes, made in order by this process."""
    root = tmp_path_factory.mktemp("collected")
    assert list(collect(TINY, root)) == [0, 1]
    return root


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


def test_existing_episodes_are_kept(
    collected: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made: list[int] = []
    monkeypatch.setattr(collecting, "make_episode", lambda _c, _r, index: made.append(index))
    config = CollectConfig(episodes=3, rows=ROWS)
    list(collect(config, collected))
    assert made == [2]
    made.clear()
    list(collect(config, tmp_path))
    assert made == [0, 1, 2]


def test_an_episode_that_another_run_made_meanwhile_is_no_error(collected: Path) -> None:
    before = {name: content(folder) for name, folder in episodes(collected).items()}
    assert collecting.make_episode(TINY, collected, 0) == 0
    assert {name: content(folder) for name, folder in episodes(collected).items()} == before


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
        ({"placement": "clse"}, UnknownNameError, "Did you mean 'close'"),
        ({"gripper": "hook"}, UnknownNameError, "Known: panda, robotiq"),
        ({"cameras": ("left", "top")}, UnknownNameError, "unknown camera 'top'"),
        ({"cameras": ("wrist",)}, BadValueError, "give left, which readers need"),
        ({"camera_angle_deg": (85.0, 35.0)}, BadValueError, "85…35° are no range"),
        ({"episodes": 0}, BadValueError, "at least 1 episode"),
        ({"rows": 32}, BadValueError, "least 33 rows"),
        ({"seed": -1}, BadValueError, "seed -1"),
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


def test_what_was_made_is_counted(collected: Path) -> None:
    found = made_under(collected)
    assert {thing for _, thing in found} == {"box"}
    everything = total(found.values())
    assert (everything.episodes, everything.rows) == (2, 2 * ROWS)
    assert everything.minutes == pytest.approx(2 * ROWS / 15 / 60)
    settled = sum(one.rows for (name, _), one in found.items() if name != "play")
    assert everything.settled_share == settled / everything.rows
    assert total([]).settled_share == 0.0


def test_shards_share_the_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made: list[int] = []

    def make(_config: CollectConfig, _root: Path, index: int) -> int:
        made.append(index)
        return index

    monkeypatch.setattr(collecting, "make_episode", make)
    config = CollectConfig(episodes=7, rows=ROWS)
    for number in (3, 1, 2):
        shard = Shard(number, 3)
        assert list(collect(config, tmp_path, shard=shard)) == list(shard.of(7))
    assert sorted(made) == list(range(7))


@pytest.mark.parametrize("change", [{"level": "full"}, {"rows": 40}, {"mix": STEPS}, {"seed": 1}])
def test_a_folder_of_other_settings_is_refused(collected: Path, change: dict[str, Any]) -> None:
    config = replace(TINY, **change)
    (name,) = change
    with pytest.raises(BadFileError, match=rf"collect.json: .*other settings.*{name} was"):
        next(collect(config, collected))
    assert existing_indices(collected) == {0, 1}


def test_a_folder_without_a_manifest_is_judged_by_its_episodes(
    collected: Path, tmp_path: Path
) -> None:
    shutil.copytree(collected, tmp_path, dirs_exist_ok=True)
    (tmp_path / MANIFEST).unlink()
    with pytest.raises(BadFileError, match='level was "light", now "none"'):
        next(collect(replace(TINY, level="none"), tmp_path))
    assert not (tmp_path / MANIFEST).exists()
    assert list(collect(TINY, tmp_path)) == [0, 1]
    assert (tmp_path / MANIFEST).read_bytes() == (collected / MANIFEST).read_bytes()


def test_a_manifest_that_is_no_manifest(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text("[")
    with pytest.raises(BadFileError, match="cannot be read"):
        next(collect(TINY, tmp_path))


def wait_until(condition: Callable[[], bool], seconds: float = 300.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "gave up waiting"
        time.sleep(0.05)


def group_is_gone(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize(
    "stop", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_a_killed_run_loses_nothing_and_goes_on(collected: Path, tmp_path: Path, stop: int) -> None:
    """Workers end with their parent; what is there is whole and the same as from one process."""
    process = subprocess.Popen(
        [*COMMAND, "--out", str(tmp_path), "--episodes", "50"],
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until(lambda: len(existing_indices(tmp_path)) >= 1 or process.poll() is not None)
        if stop == signal.SIGINT:
            os.killpg(process.pid, stop)  # as a terminal does it
        else:
            process.kill()
        _, complaint = process.communicate(timeout=60)
        wait_until(lambda: group_is_gone(process.pid), 60)
    finally:
        if not group_is_gone(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == (-signal.SIGKILL if stop == signal.SIGKILL else 130)
    assert "Traceback" not in complaint
    made = existing_indices(tmp_path)
    assert 1 <= len(made) < 50
    for folder in episodes(tmp_path).values():
        assert validate_episode(folder) == []
    config = CollectConfig(episodes=max(made | {1}) + 1, rows=ROWS)
    list(collect(config, tmp_path))
    assert existing_indices(tmp_path) == set(range(config.episodes))
    assert not list(tmp_path.glob(f"{LAB}/*/*/{TEMPORARY}*"))
    after = episodes(tmp_path)
    for name, folder in episodes(collected).items():
        assert content(folder) == content(after[name])


def _die(_config: CollectConfig, _root: Path, _index: int) -> int:
    os._exit(9)


def test_a_worker_that_dies_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "make_episode", _die)
    with pytest.raises(ArmchairError, match=r"worker process of 2 died.*fewer workers"):
        list(collect(TINY, tmp_path, workers=2))

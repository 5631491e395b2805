"""The reader against the writer: states, frames, rows by real time; where episodes are found."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from armchair.errors import BadFileError, BadValueError
from armchair.sim.droid_writer import write_episode
from armchair.worldmodel.data.episodes import DroidEpisodes, EpisodeHandle, rows_per_step
from tests.factories import LEFT_ROLE, SERIALS, make_episode

ROWS = 50


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two episodes; the second one's MP4 header says 60 fps, like released DROID files."""
    folder = tmp_path_factory.mktemp("droid")
    write_episode(folder, make_episode(0, rows=ROWS))
    write_episode(folder, make_episode(1, rows=ROWS, success=False), header_fps=60)
    return folder


def original(index: int) -> np.ndarray:
    frames = make_episode(index, rows=ROWS).cameras[2].frames
    assert frames is not None
    return frames.astype(float)


def handle_of(root: Path, index: int) -> EpisodeHandle:
    failure, success = DroidEpisodes(root)
    return success if index == 0 else failure


@pytest.mark.parametrize("index", [0, 1])
def test_what_is_written_is_read(root: Path, index: int) -> None:
    handle, episode = handle_of(root, index), make_episode(index, rows=ROWS)
    assert len(handle) == handle.length == ROWS
    assert np.array_equal(handle.states(), episode.robot.states)
    assert handle.camera_serial == SERIALS[LEFT_ROLE]
    assert np.array_equal(handle.extrinsics(), episode.cameras[2].extrinsics)
    assert handle.metadata["current_task"] == "move the gripper"


@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize(
    "rows", [[0], [ROWS - 1], [3, 4, 5], [40, 7, 7, 31], range(0, ROWS, 4), range(ROWS)]
)
def test_frames_are_those_of_their_rows(root: Path, index: int, rows: list[int]) -> None:
    frames = handle_of(root, index).frames(rows)
    assert frames.dtype == np.uint8
    everything = original(index)
    for frame, row in zip(frames, rows, strict=True):
        errors = np.abs(everything - frame).mean(axis=(1, 2, 3))
        assert errors[row] < 3
        assert errors.argmin() == row


@pytest.mark.parametrize("stride", [1, 4, 15, 49, 100])
def test_one_pass_gives_the_same_frames(root: Path, stride: int) -> None:
    handle = handle_of(root, 1)
    rows, frames = zip(*handle.iter_frames(stride), strict=True)
    assert list(rows) == list(range(0, ROWS, stride))
    assert np.array_equal(np.stack(frames), handle.frames(rows))


def test_strides_go_by_real_time_whatever_the_header_says(root: Path) -> None:
    assert [rows_per_step(seconds) for seconds in (1 / 15, 0.25, 0.27, 1.0)] == [1, 4, 4, 15]
    for handle in DroidEpisodes(root):
        assert list(handle.rows_every(1.0)) == [0, 15, 30, 45]
        assert handle.seconds == pytest.approx(ROWS / 15)
    with pytest.raises(BadValueError, match="positive"):
        rows_per_step(0.0)


def test_root_lab_and_single_episode_folders(root: Path) -> None:
    episodes = DroidEpisodes(root)
    assert len(episodes) == 2
    assert [h.path for h in episodes] == sorted(h.path for h in episodes)
    assert [h.path for h in DroidEpisodes(root / "ARMCHAIR")] == [h.path for h in episodes]
    assert [h.path for h in DroidEpisodes(episodes[0].path)] == [episodes[0].path]
    assert [h.path for h in DroidEpisodes(str(root))[:1]] == [episodes[0].path]


def test_leftovers_of_a_kill_are_no_episodes(tmp_path: Path) -> None:
    folder = write_episode(tmp_path, make_episode())
    (folder.parent / ".partial-host-1-x").mkdir()
    assert [handle.path for handle in DroidEpisodes(tmp_path)] == [folder]


@pytest.mark.parametrize("make", [True, False])
def test_no_episodes_is_an_error_with_the_layout(tmp_path: Path, make: bool) -> None:
    folder = tmp_path / "empty"
    if make:
        folder.mkdir()
    with pytest.raises(BadFileError, match="no episode found" if make else "no such folder"):
        DroidEpisodes(folder)


@pytest.mark.parametrize("rows", [[ROWS], [-1], [], [[0]]])
def test_rows_outside_are_refused(root: Path, rows: list[int]) -> None:
    with pytest.raises(BadValueError, match=f"0 … {ROWS - 1}"):
        handle_of(root, 0).frames(rows)


def test_handles_travel_to_workers(root: Path) -> None:
    handle = DroidEpisodes(root)[0]
    handle.frames([0])
    again = pickle.loads(pickle.dumps(handle))
    assert np.array_equal(again.frames([5]), handle.frames([5]))

"""Released DROID files are read like ours: rows, states, frames, strides, cameras, exports."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from armchair.cli.main import main
from armchair.errors import BadFileError
from armchair.sim.droid_writer import write_episode
from armchair.worldmodel.data.cameras import rendered
from armchair.worldmodel.data.episodes import DroidEpisodes
from armchair.worldmodel.data.summary import inspect_episode
from armchair.worldmodel.data.validate import validate_episode
from tests.factories import SERIALS, make_episode
from tests.worldmodel.data.real_like import pictures, write_released

ROWS = 40
ODD_RATES = [60, 15, 1, Fraction(30000, 1001), 240]


@pytest.mark.parametrize("fps", ODD_RATES)
def test_rows_do_not_depend_on_the_header(tmp_path: Path, fps: Fraction | int) -> None:
    folder = write_released(tmp_path, rows=ROWS, fps=fps)
    assert validate_episode(folder) == []
    (handle,) = DroidEpisodes(tmp_path)
    assert handle.seconds == pytest.approx(ROWS / 15)
    assert list(handle.rows_every(1.0)) == [0, 15, 30]
    assert list(handle.rows_every(0.27)) == list(range(0, ROWS, 4))
    true = pictures("ext2", ROWS).astype(float)
    for row, frame in zip([39, 3, 17], handle.frames([39, 3, 17]), strict=True):
        assert np.abs(true - frame).mean(axis=(1, 2, 3)).argmin() == row


def test_ours_and_theirs_in_one_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_released(tmp_path, 0, ROWS)
    write_episode(tmp_path, make_episode(1, rows=ROWS))
    handles = {handle.metadata["lab"]: handle for handle in DroidEpisodes(tmp_path)}
    for index, lab in enumerate(("AUTOLab", "ARMCHAIR")):
        expected = make_episode(index, rows=ROWS).robot.states
        assert np.array_equal(handles[lab].states(), expected)
    sheet = tmp_path / "sheet.png"
    assert main(["inspect", str(tmp_path), "--sheet", str(sheet), "--all-cameras"]) == 0
    text = capsys.readouterr().out
    for words in ("2 of 2", "60 (3)", "15 (1)", "64×36 (3)", "up to 4"):
        assert words in text, text
    assert sheet.stat().st_size > 1000


def test_two_exterior_cameras_and_a_wrist(tmp_path: Path) -> None:
    folder = write_released(tmp_path)
    (handle,) = DroidEpisodes(tmp_path)
    assert set(rendered(handle)) == {"wrist", "ext1", "ext2"}
    facts = inspect_episode(folder).facts
    assert facts is not None
    assert {(one.width, one.height, one.fps) for one in facts.videos.values()} == {(64, 36, 60.0)}
    for role in ("wrist", "ext1"):
        (folder / f"recordings/MP4/{SERIALS[role]}.mp4").unlink()
        assert validate_episode(folder) == []  # not rendered
    (folder / f"recordings/MP4/{SERIALS['ext2']}.mp4").unlink()
    assert "the file is missing" in str(validate_episode(folder)[0])
    with pytest.raises(BadFileError, match="the file is missing"):
        handle.frames([0])


def test_a_sidecar_may_lack_but_not_lie(tmp_path: Path) -> None:
    folder = write_released(tmp_path, rows=ROWS)
    sidecar = folder / f"recordings/MP4/{SERIALS['ext2']}_timestamps.json"
    good = [1_700_000_000_000 + 67 * row for row in range(ROWS)]
    for times, words in (
        (good, ""),
        (good[1:], "holds 39 times"),
        ([time / 1000 for time in good], "ms since 1970"),
        (good[::-1], "run backwards"),
        ([None] * ROWS, "ms since 1970"),
    ):
        sidecar.write_text(json.dumps(times))
        problems = validate_episode(folder)
        assert len(problems) == bool(words)
        assert words in "".join(map(str, problems))


def test_released_episodes_are_exported(tmp_path: Path) -> None:
    for index in range(2):
        write_released(tmp_path / "raw", index, rows=12 + index)
    assert main(["export", str(tmp_path / "raw"), "--out", str(tmp_path / "set")]) == 0
    info = json.loads((tmp_path / "set/meta/info.json").read_text())
    cameras = [name for name in info["features"] if name.startswith("observation.images.")]
    assert len(cameras) == 3
    assert info["features"]["observation.images.wrist_left"]["shape"] == [36, 64, 3]
    assert info["total_frames"] == 25

"""`armchair inspect`: the table, the list of problems, the contact sheet, the exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from armchair.cli.main import main
from armchair.evaluation.probes import MIN_EPISODES
from armchair.sim.droid_writer import write_episode
from armchair.worldmodel import devices
from tests.factories import make_episode
from tests.worldmodel.models import tiny_sandbox


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for index in range(3):
        write_episode(tmp_path / "data", make_episode(index, success=index > 0))
    return tmp_path / "data"


def test_a_whole_folder(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = tmp_path / "pictures" / "sheet.png"
    assert main(["inspect", str(root), "--sheet", str(sheet), "--sheet-episodes", "2"]) == 0
    text = capsys.readouterr().out
    for words in ("3 of 3", "not rendered", "rows per episode", "34 … 34", "rad"):
        assert words in text
    with Image.open(sheet) as picture:
        assert picture.size == (8 * (128 + 4), 2 * (16 + 128 + 4))


def test_problems_are_listed_with_their_path(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = sorted(root.glob("*/success/*/*"))[0]
    (broken / "trajectory.h5").write_bytes(b"")
    assert main(["inspect", str(root)]) == 2
    captured = capsys.readouterr()
    assert f"{broken / 'trajectory.h5'}: not a whole HDF5 file" in captured.out
    assert "2 of 3" in captured.out
    (last,) = [line for line in captured.err.splitlines() if "error" in line]
    assert "problems found: 1, in 1 of 3 episodes" in last


def test_problems_are_listed_when_there_is_too_little_to_probe(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = sorted(root.glob("*/success/*/*"))[0]
    (broken / "trajectory.h5").write_bytes(b"")
    tiny_sandbox().save_pretrained(tmp_path / "model")
    assert main(["inspect", str(root), "--model", str(tmp_path / "model")]) == 2
    captured = capsys.readouterr()
    assert "not a whole HDF5 file" in captured.out
    assert "too few" in captured.err


def test_tokens_come_back_from_the_best_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for index in range(MIN_EPISODES):
        write_episode(tmp_path / "data", make_episode(index))
    tiny_sandbox().save_pretrained(tmp_path / "model")
    monkeypatch.setattr(devices, "best_device", lambda: torch.device("meta"))
    with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor"):
        main(["inspect", str(tmp_path / "data"), "--model", str(tmp_path / "model")])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["nowhere"], "no such folder"),
        (["text.txt"], "text.txt: is a file, not a folder"),
        ([".", "--sheet", "sheet.pdf"], "must end in .png"),
        ([".", "--sheet-episodes", "0"], "must be 1 or more"),
    ],
)
def test_bad_options(
    options: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").touch()
    assert main(["inspect", *options]) == 2
    assert words in capsys.readouterr().err

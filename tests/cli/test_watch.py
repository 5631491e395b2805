"""The verb `watch`: a film that grows, a window where there is one, bad input."""

from __future__ import annotations

from pathlib import Path

import av
import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from armchair.cli.main import main
from armchair.evaluation import models, screens
from armchair.evaluation.contestants import Entry
from armchair.evaluation.models import NamedModel
from armchair.evaluation.screens import FilmScreen, WindowScreen, open_screen, windows_open
from armchair.evaluation.watching import Panel
from armchair.planners import Decision, GoalImage, load_planner, with_options
from tests.evaluation.conftest import env  # noqa: F401  # the fixture
from tests.evaluation.fakes import PixelModel


def frames_in(path: Path) -> int:
    with av.open(str(path)) as video:
        return sum(1 for _ in video.decode(video=0))


@pytest.fixture
def pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    named = NamedModel(model=PixelModel(), name="pixels", sha256="0" * 64)
    monkeypatch.setattr(models, "load_world_model", lambda name: named)


def test_the_film_can_be_played_while_it_grows(tmp_path: Path) -> None:
    path = tmp_path / "new" / "film.mp4"
    screen = FilmScreen(path)
    screen.figure.text(0.5, 0.5, "one")
    counts = []
    for _ in range(3):
        screen.show()
        counts.append(frames_in(path) if path.stat().st_size > 2000 else 0)
    screen.close()
    assert 0 < counts[1] < counts[2] <= frames_in(path) == 12


@pytest.mark.usefixtures("env", "pixels")
def test_an_episode_without_a_display(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(screens, "windows_open", lambda: False)
    small = ["--planner-options", "samples=32", "iterations=2", "--out", str(tmp_path)]
    assert main(["watch", *small, "--episode", "2"]) == 0
    assert frames_in(tmp_path / "reach-0-2.mp4") == 4 * (10 + 1)
    printed = capsys.readouterr().out
    assert "grows while the episode runs" in printed
    assert "success" in printed


@pytest.mark.usefixtures("env", "pixels")
def test_a_wrong_option_leaves_an_earlier_film(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = tmp_path / "reach-0-0.mp4"
    film.write_bytes(b"an earlier film")
    assert main(["watch", "--no-window", "--level", "ligth", "--out", str(tmp_path)]) == 2
    assert "Did you mean 'light'?" in capsys.readouterr().err
    assert film.read_bytes() == b"an earlier film"


def test_the_largest_action_stays_on_its_axis() -> None:
    planner = with_options(load_planner("cem"), ["bounds.translation=0.2", "bounds.rotation=0.9"])
    limits = Entry(model=PixelModel(), planner=planner).bounds.limits().numpy()
    panel = Panel(Figure(), "", limits)
    panel.start([GoalImage(frame=np.zeros((4, 4, 3), np.uint8))], ())
    panel.add(np.zeros((4, 4, 3), np.uint8), Decision(action=limits))
    bars = [bar for axes in panel.figure.axes for bar in axes.patches]
    assert [bar.get_width() for bar in bars] == [1.0] * 7


def test_a_window_is_used_where_one_opens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mpl.use("Agg")
    monkeypatch.setattr(screens, "windows_open", lambda: True)
    window = open_screen(tmp_path / "film.mp4", window=True)
    assert isinstance(window, WindowScreen)
    window.close()
    film = open_screen(tmp_path / "film.mp4", window=False)
    assert isinstance(film, FilmScreen)
    film.show()
    film.close()


def test_no_window_without_a_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(screens.sys, "platform", "linux")
    assert not windows_open()
    monkeypatch.setenv("DISPLAY", ":99")
    mpl.use("Agg")
    assert not windows_open()


def test_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", "--task", "reech"]) == 2
    assert "Did you mean 'reach'?" in capsys.readouterr().err
    assert main(["watch", "--seed", "-1"]) == 2

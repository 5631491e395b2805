"""The verb `landscape`: its three files, all sources, bad input."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from armchair.cli.main import main
from armchair.evaluation import models
from armchair.evaluation.episode import Scene
from armchair.evaluation.landscape_film import moments
from armchair.evaluation.models import NamedModel
from armchair.evaluation.policies import HoldPolicy
from armchair.evaluation.tasks import Task
from armchair.planners import load_planner
from armchair.sim.droid_writer import write_episode
from armchair.worldmodel.data.episodes import DroidEpisodes
from tests.evaluation.conftest import env  # noqa: F401  # the fixture
from tests.evaluation.fake_objects import FakePickPlace
from tests.evaluation.fakes import FakeReach, PixelModel
from tests.factories import make_episode


@pytest.fixture
def workplace(
    env: FakeReach,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Path:
    """Return an empty current folder; every model is the fake one."""
    named = NamedModel(model=PixelModel(), name="pixels", sha256="0" * 64)
    monkeypatch.setattr(models, "load_world_model", lambda name: named)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("options", "stem"),
    [
        ([], "sim-validation-0-0-x-z"),
        (["--task", "grasp-box"], "sim-grasp-box-validation-0-0-x-z"),
        (["--pair", "franka", "--axes", "x", "y", "--others", "zero"], "franka-x-y"),
        (
            ["--pair", "franka", "--axes", "yaw", "gripper"],
            "franka-yaw-gripper",
        ),
    ],
)
def test_picture_and_numbers(options: list[str], stem: str, workplace: Path) -> None:
    assert main(["landscape", "--grid", "5", "--out", "out", *options]) == 0
    assert {file.name for file in (workplace / "out").iterdir()} == {
        f"{stem}.png",
        f"{stem}.npz",
        f"{stem}.json",
    }
    numbers = json.loads((workplace / "out" / f"{stem}.json").read_text())
    with np.load(workplace / "out" / f"{stem}.npz") as arrays:
        assert np.allclose(arrays["energies"], numbers["energies"])
        assert arrays["values"].shape == (2, 5)
    assert numbers["model"] == "pixels"
    assert numbers.get("source") == ("franka" if "franka" in stem else None)
    assert numbers.get("level") == (None if "franka" in stem else "light")
    with Image.open(workplace / "out" / f"{stem}.png") as picture:
        assert picture.size == (1100, 620)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--pair", "nothing.npz"], "nothing.npz: there is no such file"),
        (["--logged", "nowhere"], "nowhere"),
        (["--logged", "nowhere", "--pair", "franka"], "leave one out"),
        (["--axes", "x", "q"], "unknown action axis 'q'"),
        (["--axes", "z", "z"], "two different"),
        (["--grid", "1"], "grid is 1"),
        (["--seed", "-1"], "--seed -1"),
        (["--task", "reech"], "unknown task 'reech'. Did you mean 'reach'?"),
        (["--task", "grasp-cup", "--pair", "franka"], "--task is of simulated scenes"),
        (["--seed", "3", "--logged", "nowhere"], "--seed is of simulated scenes: leave out --log"),
        (["--planner", "icem"], "--planner is of the episode that --film plays in simulation: giv"),
        (["--film", "2", "--planner", "icem", "--logged", "nowhere"], "leave out --logged"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(
    options: list[str], words: str, workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["landscape", *options]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert words in lines[0]


def test_a_logged_episode_as_picture_and_film(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_episode(workplace / "logged", make_episode(0, rows=24))
    folder = DroidEpisodes(workplace / "logged")[0].path
    options = ["landscape", "--grid", "5", "--out", "out", "--logged", str(folder)]
    assert main([*options, "--rows", "2", "10"]) == 0
    assert main([*options, "--rows", "2", "10", "--film", "2"]) == 0
    names = {file.suffix for file in (workplace / "out").iterdir()}
    assert names == {".png", ".npz", ".json", ".mp4"}
    (page,) = (workplace / "out").glob("*.json")
    numbers = json.loads(page.read_text())
    assert (numbers["logged"], numbers["rows"]) == (str(folder), [2, 10])
    assert "planner" not in numbers
    assert "step 1: convexity" in capsys.readouterr().out
    assert main([*options, "--rows", "2", "99"]) == 2
    assert "0 … 23" in capsys.readouterr().err


def test_film_over_an_episode(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--film", "3", "--grid", "7", "--out", "out", "--planner", "cem-gradient"]
    assert main(["landscape", *options]) == 0
    numbers = json.loads((workplace / "out" / "reach-0-0-x-z.json").read_text())
    assert len(numbers["steps"]) == 3
    assert numbers["planner"]["name"] == "cem-gradient"
    assert numbers["planner"]["horizon"] == load_planner("cem-gradient").describe()["horizon"]
    wanted = {"task": "reach", "seed": 0, "episode": 0, "level": "light", "others": "true"}
    assert {name: numbers[name] for name in wanted} == wanted
    assert (numbers["grid"], numbers["axes"], numbers["horizon"]) == (7, ["x", "z"], 1)
    assert all(step["offset_m"] < 0.06 for step in numbers["steps"])
    with av.open(str(workplace / "out" / "reach-0-0-x-z.mp4")) as video:
        assert sum(1 for _ in video.decode(video=0)) == 12
    assert "step 2: convexity" in capsys.readouterr().out
    assert main(["landscape", *options, "--planner-options", "sampels=3"]) == 2
    assert "Did you mean 'samples'?" in capsys.readouterr().err
    assert main(["landscape", "--film", "2", "--pair", "franka"]) == 2
    assert main(["landscape", "--film", "-1"]) == 2


def test_film_of_a_task_with_goals_in_turn(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakePickPlace()
    monkeypatch.setattr(Task, "make_env", lambda task: fake)
    scene = Scene(role="validation", seed=0, episode=0, level="light")
    pairs = list(moments(scene, HoldPolicy(), 6, "pick-place-box"))
    first, second, _ = fake.goal_states()
    np.testing.assert_array_equal([p.after.state for p in pairs], [first] * 4 + [second] * 2)
    np.testing.assert_array_equal([p.after.frame for p in pairs[3:5]], fake.goal_frames()[:2])
    options = ["--task", "pick-place-box", "--film", "1", "--grid", "3", "--out", "out"]
    assert main(["landscape", *options]) == 0
    assert (workplace / "out" / "pick-place-box-0-0-x-z.mp4").exists()

"""The verb `evaluate`: options, exit codes, the table, the results page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from armchair.cli.main import main
from armchair.evaluation import models, players
from armchair.evaluation import run as running
from armchair.evaluation.models import NamedModel
from tests.evaluation.conftest import env  # noqa: F401  # the fixture
from tests.evaluation.fakes import FakeReach, PixelModel
from tests.evaluation.test_crew import InProcess
from tests.evaluation.test_ladder import FakeRobot

QUICK = ["--episodes", "2", "--no-videos", "--planner-options", "samples=64", "iterations=3"]


@pytest.fixture
def workplace(
    env: FakeReach,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Path:
    """Return an empty current folder; the model `pixels` exists."""
    named = NamedModel(model=PixelModel(), name="pixels", sha256="0" * 64)
    real = models.load_world_model
    for module in (models, players):
        monkeypatch.setattr(
            module, "load_world_model", lambda name: named if name == "pixels" else real(name)
        )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def evaluate(*options: str) -> int:
    return main(["evaluate", "--model", "pixels", *QUICK, *options])


def test_writes_the_report_and_prints_the_table(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate("--out", "run", "--controls", "hold", "expert") == 0
    report = json.loads((workplace / "run" / "report.json").read_text())
    assert set(report["tasks"]["reach"]["controls"]) == {"hold", "expert"}
    assert report["planner"]["samples"] == 64
    printed = capsys.readouterr().out
    assert "planner" in printed
    assert "2/2" in printed
    assert "report.json and report.md are in run" in printed
    assert not (workplace / "docs").exists()


def test_videos_that_were_never_made_are_not_claimed(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate("--out", "run", "--controls", "none") == 0
    capsys.readouterr()
    assert evaluate("--out", "run", "--controls", "none", "--videos") == 0
    printed = capsys.readouterr().out
    assert "report.json and report.md are in run\n2 of 2 episodes were played before" in printed
    assert "give another --out to film them" in printed
    assert evaluate("--out", "run", "--controls", "none", "--videos", "--episodes", "3") == 0
    printed = capsys.readouterr().out
    assert "report.json, report.md and videos are in run\n2 of 3 episodes were played" in printed
    assert evaluate("--out", "filmed", "--controls", "none", "--videos") == 0
    assert capsys.readouterr().out.endswith("report.json, report.md and videos are in filmed\n")


def test_test_role_leaves_a_row_only_when_asked(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (workplace / "docs").mkdir()
    assert evaluate("--out", "a", "--role", "test", "--controls", "none") == 0
    assert not (workplace / "docs" / "results.md").exists()
    assert evaluate("--out", "b", "--role", "test", "--controls", "none", "--record") == 0
    page = (workplace / "docs" / "results.md").read_text()
    assert page.count("| 2/2 |") == 2  # success and within 4 cm of one row
    assert "reach: row appended to docs/results.md" in capsys.readouterr().out
    assert evaluate("--out", "b", "--role", "test", "--controls", "none", "--record") == 0
    assert (workplace / "docs" / "results.md").read_text() == page
    assert "reach: its row stands already in docs/results.md" in capsys.readouterr().out


@pytest.mark.parametrize("workers", [1, 2])
def test_the_model_is_shown_as_many_moments_as_asked(
    workers: int, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "Crew", InProcess)
    imagine, shown = PixelModel.rollout, []

    def watched(model: PixelModel, *arguments: Tensor) -> Tensor:
        shown.append(tuple(len(part) for part in arguments[:3]))
        return imagine(model, *arguments)

    monkeypatch.setattr(PixelModel, "rollout", watched)
    options = ["--context-frames", "3", "--workers", str(workers), "--controls", "none"]
    assert evaluate("--out", "run", *options) == 0
    assert list(dict.fromkeys(shown)) == [(1, 1, 0), (2, 2, 1), (3, 3, 2)]
    report = json.loads((workplace / "run" / "report.json").read_text())
    assert report["planner"]["context_frames"] == 3
    assert report.get("workers", 1) == workers


def test_who_knows_the_goals_state_plays_when_asked(workplace: Path) -> None:
    assert evaluate("--out", "run", "--controls", "none", "--state-goal", "1") == 0
    task = json.loads((workplace / "run" / "report.json").read_text())["tasks"]["reach"]
    assert list(task["state_goal"]) == ["planner +state goal 1"]
    assert task["state_goal"]["planner +state goal 1"]["episodes"] == 2


def test_a_ladder_instead_of_a_report(
    env: FakeReach,  # noqa: F811
    workplace: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    env.robot = FakeRobot(env)  # type: ignore[attr-defined]
    assert evaluate("--out", "run", "--ladder", "--episodes", "1") == 0
    page = (workplace / "run" / "ladder.md").read_text()
    assert page.startswith("# Oracle ladder: cem-waypoint, 1 episodes")
    assert capsys.readouterr().out.strip() == page.strip()
    assert not (workplace / "run" / "report.json").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--tasks", "reech"], "unknown task 'reech'. Did you mean 'reach'?"),
        (["--planner", "cen"], "unknown planner 'cen'. Did you mean 'cem'?"),
        (["--planner-options", "sampels=3"], "Did you mean 'samples'?"),
        (["--controls", "hald"], "unknown control 'hald'. Did you mean 'hold'?"),
        (["--model", "defualt"], "unknown model 'defualt'. Did you mean 'default'?"),
        (["--episodes", "0"], "--episodes is 0"),
        (["--record"], "--role test"),
        (["--role", "test", "--record"], "repository's root"),
        (["--out", "full"], "full/report.json: exists already"),
        (["--context-frames", "0"], "--context-frames is 0"),
        (["--ladder", "--role", "test"], "on validation scenes: leave out --role."),
        (
            ["--ladder", "--workers", "2", "--state-goal", "1", "--ci", "a.toml"],
            "leave out --ci, --workers, --state-goal.",
        ),
        (["--ladder", "--controls", "none"], "leave out --controls."),
        (["--level", "heavy"], "unknown level 'heavy'. Known: full, light, none."),
    ],
)
def test_bad_input_is_one_line_and_exit_2(
    options: list[str], words: str, workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (workplace / "full").mkdir()
    (workplace / "full" / "report.json").write_text("{}")
    assert evaluate(*options) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert words in lines[0]


def test_stopped_episodes_are_told(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate("--out", "good", "--controls", "none") == 0
    assert "stopped" not in capsys.readouterr().out

    def blind(model: PixelModel, *arguments: Tensor) -> Tensor:
        return torch.full((*arguments[-1].shape[:2], 1, 3), float("nan"))

    monkeypatch.setattr(PixelModel, "rollout", blind)
    assert evaluate("--out", "blind", "--controls", "none") == 0
    printed = capsys.readouterr().out
    assert "reach: 2 of 2 episodes were stopped: the world model imagined latents" in printed
    assert "for every candidate.\n" in printed


def test_another_run_is_refused_before_the_model_is_loaded(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate("--out", "run", "--controls", "none") == 0
    capsys.readouterr()
    asked = ["--out", "run", "--controls", "none", "--model", "nobody has this"]
    assert evaluate(*asked, "--seed", "1", "--planner", "icem") == 2
    assert "of a run with another seed and planner" in capsys.readouterr().err
    assert evaluate(*asked, "--overwrite") == 2
    assert "unknown model" in capsys.readouterr().err
    assert (workplace / "run" / "report.json").exists()


def test_thresholds_decide_the_exit_code(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = workplace / "ci.toml"
    file.write_text("[reach]\nleast_rate = 0.5\n")
    assert evaluate("--out", "good", "--controls", "none", "--ci", "ci.toml") == 0
    assert "all thresholds are met" in capsys.readouterr().out
    file.write_text("[reach]\nmost_median_distance_m = 1e-9\n")
    with pytest.raises(SystemExit) as stop:
        evaluate("--out", "bad", "--controls", "none", "--ci", "ci.toml")
    assert stop.value.code == 1
    assert "below threshold: reach: median distance" in capsys.readouterr().err
    assert (workplace / "bad" / "report.json").exists()
    assert evaluate("--out", "none", "--ci", "missing.toml") == 2
    (workplace / "other.toml").write_text("[grasp-box]\nleast_rate = 1\n")
    assert evaluate("--out", "none", "--ci", "other.toml") == 2
    assert "--tasks grasp-box" in capsys.readouterr().err
    assert not (workplace / "none").exists()

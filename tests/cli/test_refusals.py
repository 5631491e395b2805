"""What the verbs refuse before any work: one line that names the option, the value and the fix."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from armchair.cli.main import BAD_INPUT, main
from armchair.sim.manifest import claim
from armchair.sim.mix import MIXES

IN_THE_WAY = {
    "calibrate": "calibrate --out FILE",
    "landscape": "landscape --out FILE/deep",
    "watch": "watch --out FILE",
    "evaluate": "evaluate --out FILE/deep",
    "imagine": "imagine --episodes . --out FILE",
    "compare": "compare --reports a b --out FILE",
    "convert": "convert --source default --out FILE/deep",
}

SHORT = {
    "PRETRAIN": "pretrain --videos . --out o --steps 1",
    "TRAIN": "train --episodes . --encoder e --out o --steps 1",
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "notes.txt"
    path.write_text("mine")
    return path


def refusal(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(command.split()) == BAD_INPUT
    err = capsys.readouterr().err
    assert err.startswith("armchair: error: ")
    assert err.count("\n") == 1
    return err


@pytest.mark.parametrize("command", IN_THE_WAY.values(), ids=IN_THE_WAY)
def test_a_file_where_results_are_to_go(
    command: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert str(file) in refusal(command.replace("FILE", str(file)), capsys)
    assert file.read_text() == "mine"


@pytest.mark.parametrize("command", ["infer --episodes . --out", "bench --out"])
def test_a_folder_where_a_file_is_to_go(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"--out {tmp_path}: is a folder" in refusal(f"{command} {tmp_path}", capsys)


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("infer --episodes . --max-episodes 0", "--max-episodes is 0, expected 1 or more."),
        ("infer --episodes", "--episodes names no folder; give one or more."),
        ("train --episodes --encoder e --out o --steps 1", "--episodes names no folder"),
        ("pretrain --videos --out o --steps 1", "--videos names no folder; give one or more."),
        ("decoder --videos --out o --steps 1", "--videos names no folder; give one or more."),
        ("imagine --episodes . --out o --steps 0", "--steps is 0, expected 1 or more."),
        ("imagine --episodes . --out o --start-row -4", "--start-row is -4, expected 0 or more."),
        ("landscape --rows 12 28", "--rows are of a logged episode; give its folder as --logged."),
        ("landscape --logged . --rows 3 3", "--rows are 3 twice"),
        ("landscape --planner-options samples=3", "give --film, too."),
        ("inspect . --seed -1", "seed is -1, expected a whole number from 0"),
        ("inspect . --fit .", "--fit, --probes and --no-attentive are of the probes of a"),
        ("inspect . --no-attentive", "--no-attentive are of the probes of a --model; give one."),
        ("bench --only plan --contenders cem", "are of time-to-energy; add it to --only."),
        ("bench --only plan time-to-energy --contenders cen", "Did you mean 'cem'?"),
        ("bench --only plan time-to-energy --episodes nosuch", "nosuch"),
        ("watch --context-frames 0", "--context-frames is 0, expected 1 or more."),
        ("evaluate --context-frames 0", "--context-frames is 0, expected 1 or more."),
        ("evaluate --workers 0", "--workers is 0, expected 1 or more."),
        ("evaluate --seed -1", "--seed is -1, expected 0 or more."),
        ("evaluate --tasks", "--tasks is empty; name at least one task, such as reach."),
        ("imagine --episodes . --out o --decoder nosuch", "nosuch/decoder.json: there is no"),
        ("pretrain --videos . --out o --init nosuch --steps 1", "nosuch: there is no such file"),
        ("PRETRAIN --seed 1180591620717411303424", "seed is 1180591620717411303424, expected a wh"),
        ("PRETRAIN --recipe.encoder.mlp-ratio -1", "mlp_ratio is -1.0, expected more than 0."),
        ("PRETRAIN --recipe.predictor.mlp-ratio 0", "mlp_ratio is 0.0, expected more than 0."),
        ("PRETRAIN --recipe.masks.0.aspect 0 0", "aspect (0.0, 0.0) must be positive and ordered."),
        ("PRETRAIN --recipe.clips.crop-scale 0.3 4", "crop_scale is (0.3, 4.0); shares of a"),
        ("PRETRAIN --recipe.clips.crop-aspect 1 inf", "must be positive and ordered."),
        ("PRETRAIN --recipe.schedule.start-ratio -3", "start_ratio is -3.0, expected 0 or more."),
        ("PRETRAIN --recipe.change.weight nan", "weight nan"),
        ("PRETRAIN --recipe.uniform.precision -1", "precision is -1.0, expected 0 or more."),
        (
            "PRETRAIN --recipe.uniform.precision 1 --recipe.uniform.triples 12",
            "12 directions are told from 12 triples; give more triples or fewer directions.",
        ),
        ("TRAIN --recipe.predictor.mlp-ratio -1", "mlp_ratio is -1.0, expected more than 0."),
        ("TRAIN --recipe.validation-clips -3", "validation_clips is -3, expected a whole number"),
        ("TRAIN --recipe.validation-clips 0", "validation_clips is 0, expected a whole number"),
        ("TRAIN --recipe.average-share 1", "average_share is 1.0; it is in [0, 1)."),
        ("TRAIN --recipe.average-share -0.1", "average_share is -0.1; it is in [0, 1)."),
        ("infer --episodes . --horizon.moving-share 0", "moving_share is 0.0; it is in (0, 1]."),
        ("infer --episodes . --horizon.moving-share 2", "moving_share is 2.0; it is in (0, 1]."),
        ("TRAIN --recipe.schedule.peak nan", "schedule.peak is nan"),
        ("TRAIN --recipe.optimiser.clip-norm nan", "clip_norm is nan, expected more than 0."),
    ],
)
def test_options_that_lead_nowhere(
    command: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for short, whole in SHORT.items():
        command = command.replace(short, whole)
    assert line in refusal(command, capsys)


@pytest.mark.parametrize("verb", ["evaluate", "watch", "calibrate", "landscape --film 1"])
@pytest.mark.parametrize(
    ("option", "most"), [("translation=0.1", "0.075"), ("rotation=0.6", "0.5"), ("gripper=2", "1")]
)
def test_bounds_beyond_what_the_tasks_take(
    verb: str, option: str, most: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refusal(f"{verb} --planner-options bounds.{option}", capsys)
    name = option.partition("=")[0]
    assert f"bounds.{name} is " in line
    assert f"the tasks take {most} in one action" in line


def test_videos_that_are_a_file(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = refusal(f"pretrain --videos {file} --out o --steps 1", capsys)
    assert f"{file}: is a file, not a folder." in line


def test_training_on_what_no_action_brings_about(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    claim(tmp_path / "glides", {"mix": asdict(MIXES["uniform"])})
    day = tmp_path / "glides" / "ARM" / "success" / "2026-01-01"
    for folder in (tmp_path, tmp_path / "glides", day, day / "one"):
        line = refusal(f"train --episodes {folder} --encoder e --out o --steps 1", capsys)
        assert f"{tmp_path}/glides/collect.json: says that these episodes were made with " in line
        assert "`glide`: no action brings about what they show. Leave the folder to" in line


def test_uniform_motion_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cameras = ["left", "wrist"]
    claim(tmp_path / "tasks", {"mix": asdict(MIXES["tasks"])})
    claim(tmp_path / "glides", {"mix": asdict(MIXES["uniform"]), "cameras": cameras})
    command = f"pretrain --videos {tmp_path / 'tasks'} --out {tmp_path / 'o'} --steps 1 --uniform"
    views = "--recipe.uniform.triples 20 --recipe.uniform.precision 1 --recipe.uniform.views 1"
    line = refusal(f"{command} {tmp_path / 'tasks'} --recipe.uniform.triples 2", capsys)
    assert f"{tmp_path}/tasks/collect.json: says that these episodes were made with `" in line
    assert "Give the folder as --videos, and to --uniform another" in line
    line = refusal(f"{command} {tmp_path / 'glides'} {views}", capsys)
    assert f"{tmp_path}/glides/collect.json: says that the wrist camera was filmed" in line
    line = refusal(f"{command} {tmp_path / 'glides'} --recipe.uniform.triples 2", capsys)
    assert "no MP4 file below it" in line, "without views any camera will do"


def test_a_run_that_is_not_finished(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "episodes.jsonl").write_text("{}\n")
    line = refusal(f"compare --reports {tmp_path} {tmp_path} --out {tmp_path / 'o'}", capsys)
    assert f"{tmp_path}: is a run that is not finished." in line

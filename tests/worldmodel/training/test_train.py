"""Whole runs of `armchair train` and `armchair infer` on tiny episodes."""

from __future__ import annotations

import copy
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from armchair.cli import infer
from armchair.cli import train as verb
from armchair.cli.main import main
from armchair.errors import BadFileError, BadValueError
from armchair.sim.droid_writer import write_episode
from armchair.worldmodel.data.episodes import DroidEpisodes
from armchair.worldmodel.encoder import FrameEncoder
from armchair.worldmodel.encoder_files import save_encoder
from armchair.worldmodel.model import WorldModel
from armchair.worldmodel.optimisation.draws import Piece, read_history
from armchair.worldmodel.optimisation.loop import LoopConfig
from armchair.worldmodel.training import run as training_run
from armchair.worldmodel.training import token_cache
from armchair.worldmodel.training.action_inference import InferenceConfig
from armchair.worldmodel.training.clips import ClipConfig
from armchair.worldmodel.training.horizon import HorizonConfig
from armchair.worldmodel.training.learner import PredictorSize, TrainConfig, TrainLearner
from armchair.worldmodel.training.pairs import PairConfig
from tests.factories import make_episode
from tests.worldmodel.models import tiny_sandbox

EVERY_STEP = LoopConfig(checkpoint_minutes=0.0)
SEARCH = InferenceConfig(
    pairs=PairConfig(count=4, gripper_share=None, most_turn=1.0),
    first_samples=6,
    samples=6,
    elites=2,
    iterations=2,
)
RECIPE = TrainConfig(
    predictor=PredictorSize(width=24, depth=1, heads=2),
    clips=ClipConfig(batch=4),
    validation_clips=4,
    validation_search=SEARCH,
)


def run(episodes: Path, encoder: Path, out: Path, **options: object) -> Path:
    settings = {"episodes": (episodes,), "recipe": RECIPE, "steps": 3} | options
    verb.run(verb.Config(encoder=encoder, out=out, **settings))  # type: ignore[arg-type]
    return out / "model"


@pytest.fixture
def saved(encoder: FrameEncoder, tmp_path: Path) -> Path:
    save_encoder(tmp_path / "encoder", encoder)
    return tmp_path / "encoder"


def test_a_run_its_resume_and_its_relay(episodes: Path, saved: Path, tmp_path: Path) -> None:
    folder = run(episodes, saved, tmp_path / "a")
    model = WorldModel.from_pretrained(folder)
    assert model.sandbox
    log = (tmp_path / "a" / "log.txt").read_text()
    assert "inference/x_correlation" in log
    card = (folder / "README.md").read_text()
    for part in ("## Data", "4 episodes", "predictor: 0.0", "inference/x_correlation", "Licence"):
        assert part in card
    again = WorldModel.from_pretrained(run(episodes, saved, tmp_path / "a"))
    same = zip(model.parameters(), again.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in same)
    relay = run(episodes, saved, tmp_path / "b", init=folder, cache=tmp_path / "a" / "tokens")
    assert torch.equal(
        WorldModel.from_pretrained(relay).state_dict()["statistics.change_scale"],
        model.state_dict()["statistics.change_scale"],
    )
    assert "trained before for 3 steps with seed 0" in (tmp_path / "b" / "log.txt").read_text()
    drawn = torch.load(tmp_path / "b" / "checkpoint.pt", weights_only=True)["learner"]["history"]
    assert drawn == [{"seed": 0, "steps": 3}]
    steps = ['"b"', "-99", "true", "null"]
    for text in ("[1]", "{}", *(f'[{{"seed": 0, "steps": {n}}}]' for n in steps)):
        (folder / "history.json").write_text(text)
        with pytest.raises(BadFileError, match="not a history"):
            run(episodes, saved, tmp_path / "c", init=folder)
    assert not (tmp_path / "c").exists(), "refused before anything is encoded or written"


def test_a_run_that_goes_on_does_not_read_what_it_started_from(
    episodes: Path, saved: Path, tmp_path: Path
) -> None:
    first = run(episodes, saved, tmp_path / "first")
    with_it = run(episodes, saved, tmp_path / "a", init=first, steps=2).parent
    without = Path(shutil.copytree(with_it, tmp_path / "b"))
    run(episodes, saved, with_it, init=first)
    shutil.rmtree(first)
    resumed = run(episodes, saved, without, init=first)
    weights = [(out / "model" / "model.safetensors").read_bytes() for out in (with_it, without)]
    assert weights[0] == weights[1]
    assert len(read_history(resumed)) == 2
    assert (without / "log.txt").read_text().count("starting from") == 1
    with pytest.raises(BadFileError, match="there is no such folder"):
        run(episodes, saved, tmp_path / "c", init=first)


def test_the_encoder_that_is_trained_on_is_the_one_that_is_saved(
    episodes: Path, tmp_path: Path
) -> None:
    tiny_sandbox().save_pretrained(tmp_path / "model")  # in float32
    folder = run(episodes, tmp_path / "model", tmp_path / "a")
    assert "rounded to bfloat16" in (tmp_path / "a" / "log.txt").read_text()
    run(episodes, folder, tmp_path / "b", cache=tmp_path / "a" / "tokens")  # the same encoder
    log = (tmp_path / "b" / "log.txt").read_text()
    assert "rounded to bfloat16" not in log
    assert "encoded" not in log


def test_units_are_measured_anew_for_an_encoder_that_went_on_learning(
    episodes: Path, saved: Path, encoder: FrameEncoder, tmp_path: Path
) -> None:
    folder = run(episodes, saved, tmp_path / "a")
    further = copy.deepcopy(encoder)
    with torch.no_grad():
        for weight in further.backbone.parameters():
            weight.mul_(1.5)
    save_encoder(tmp_path / "further", further)
    after = run(episodes, tmp_path / "further", tmp_path / "b", init=folder)
    scales = [
        WorldModel.from_pretrained(model).state_dict()["statistics.change_scale"]
        for model in (folder, after)
    ]
    assert not torch.allclose(*scales, rtol=0.01)


def test_a_killed_run_ends_in_the_same_weights(episodes: Path, saved: Path, tmp_path: Path) -> None:
    steps, out = 40, tmp_path / "killed"
    whole = run(episodes, saved, tmp_path / "whole", steps=steps)
    script = (
        "from pathlib import Path; from tests.worldmodel.training import test_train as t;"
        f"t.run(Path({str(episodes)!r}), Path({str(saved)!r}), Path({str(out)!r}), steps={steps},"
        "loop=t.EVERY_STEP)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 300
        while not (out / "model" / "history.json").exists() and process.poll() is None:
            if time.monotonic() > deadline:
                break
            time.sleep(0.01)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    (piece,) = read_history(out / "model")
    assert 1 <= piece.steps < steps
    elsewhere = run(episodes, saved, tmp_path / "elsewhere", init=out / "model")
    assert read_history(elsewhere) == (piece, Piece(seed=0, steps=3))
    resumed = run(episodes, saved, out, steps=steps)
    assert "resuming" in (out / "log.txt").read_text()
    weights = [(folder / "model.safetensors").read_bytes() for folder in (whole, resumed)]
    assert weights[0] == weights[1]


def test_a_checkpoint_of_another_set_up_does_not_resume(
    episodes: Path, saved: Path, encoder: FrameEncoder, tmp_path: Path
) -> None:
    out = tmp_path / "a"
    run(episodes, saved, out, steps=1)
    other = FrameEncoder(encoder.config)
    save_encoder(tmp_path / "other", other)
    batch = replace(RECIPE, clips=ClipConfig(batch=8, gap_rows=(8, 24)))
    one = DroidEpisodes(episodes)[0].path
    copied = Path(shutil.copytree(one, tmp_path / "copy" / one.name))
    refused: list[tuple[str, dict[str, Any]]] = [
        ("seed 0, this run has 1", {"seed": 1}),
        ("recipe.statistics was change, is none", {"recipe": replace(RECIPE, statistics="none")}),
        ("recipe.clips.batch was 4, is 8; recipe.clips.gap_rows.0 was 4, is 8", {"recipe": batch}),
        ("tokens.encoder_sha256 was", {"encoder": tmp_path / "other", "cache": tmp_path / "b"}),
        ("episodes was 3, is 4; frames was 45, is 60; data was", {"held_out": (copied,)}),
    ]
    for said, change in refused:
        settings = {"encoder": saved, "steps": 2} | change
        with pytest.raises(BadFileError, match=rf"another set-up.*{re.escape(said)}"):
            run(episodes, out=out, **settings)
    quieter = replace(RECIPE, validation_clips=2, checkpointing=True)
    run(episodes, saved, out, steps=2, recipe=quieter, loop=EVERY_STEP)


def test_episodes_that_are_gone_at_the_end_do_not_matter(
    episodes: Path, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = Path(shutil.copytree(episodes, tmp_path / "raw"))
    scored = TrainLearner.evaluate

    def last(learner: TrainLearner, step: int) -> dict[str, float]:
        shutil.rmtree(raw)
        return scored(learner, step)

    monkeypatch.setattr(TrainLearner, "evaluate", last)
    folder = run(raw, saved, tmp_path / "a")
    assert f"`{raw}`: 4 episodes, 0.00 robot hours" in (folder / "README.md").read_text()


def test_infer_prints_and_writes_scores(
    episodes: Path, saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = run(episodes, saved, tmp_path / "a")
    out = tmp_path / "scores.json"
    infer.run(infer.Config(episodes=(episodes,), model=str(model), out=out, search=SEARCH))
    said = capsys.readouterr().out
    for part in ("correlation", "cm off in the mean", "LayerNormed", "own units"):
        assert part in said
    content = json.loads(out.read_text())
    (scores,) = content["scores"]
    assert set(scores["inference"]["axes"]) == {"x", "y", "z", "gripper"}
    assert scores["inference"]["pairs"] == content["search"]["pairs"]["count"] == 4
    assert len(scores["rollouts"]["plain"]["copy_moving"]) == 8
    assert content["horizon"]["step_rows"] == 4


def test_infer_goes_by_the_models_own_step(
    episodes: Path, saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = run(episodes, saved, tmp_path / "a", steps=1)
    slow, out = tmp_path / "slow", tmp_path / "scores.json"
    arguments = ["--source", str(model), "--out", str(slow), "--seconds-per-step", "1.0"]
    assert main(["convert", *arguments]) == 0
    few = HorizonConfig(clips=4, steps=3)
    infer.run(
        infer.Config(episodes=(episodes,), model=str(slow), out=out, search=SEARCH, horizon=few)
    )
    said, content = capsys.readouterr().out, json.loads(out.read_text())
    for part in ("rollouts in steps of 1.00 s", "seconds_per_step: 1.0", "'step_rows': 15"):
        assert part in said.replace("\n", "")
    assert (content["seconds_per_step"], content["horizon"]["step_rows"]) == (1.0, 15)
    assert len(content["scores"][0]["rollouts"]["plain"]["model"]) == 3


def test_infer_scores_folders_apart(
    episodes: Path, saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, out = run(episodes, saved, tmp_path / "a"), tmp_path / "scores.json"
    for index in range(2):
        write_episode(tmp_path / "other", make_episode(20 + index))
    levels = (episodes, tmp_path / "other")

    def scores(*folders: Path, apart: bool) -> list[dict[str, object]]:
        chosen = infer.Config(
            episodes=folders, apart=apart, model=str(model), out=out, search=SEARCH
        )
        infer.run(chosen)
        found: list[dict[str, object]] = json.loads(out.read_text())["scores"]
        return found

    both = scores(*levels, apart=True)
    assert capsys.readouterr().out.count("inferred against logged actions") == 2
    assert [(s["folders"], s["episodes"]) for s in both] == [
        ([str(folder)], len(DroidEpisodes(folder))) for folder in levels
    ]
    assert both == [one for folder in levels for one in scores(folder, apart=False)]
    assert both[0]["inference"] != both[1]["inference"]


@pytest.mark.parametrize(
    ("most", "places"), [(2, [0, 2]), (3, [0, 1, 3]), (4, [0, 1, 2, 3]), (9, [0, 1, 2, 3, 4])]
)
def test_infer_takes_as_many_episodes_as_asked_evenly_spread(
    episodes: Path, most: int, places: list[int]
) -> None:
    paths = [handle.path for handle in DroidEpisodes(episodes)]
    paths.append(paths[0])
    config = infer.Config(episodes=(episodes, paths[0]), max_episodes=most, search=SEARCH)
    picked = infer._picked(config.episodes, config, infer.FINEST)
    assert [handle.path for handle in picked] == [paths[place] for place in places]


def test_too_few_pairs_are_told_before_anything_is_encoded(
    episodes: Path, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = run(episodes, saved, tmp_path / "a")
    monkeypatch.setattr(token_cache, "update_cache", lambda *_: pytest.fail("encoded"))
    many = replace(SEARCH, pairs=replace(SEARCH.pairs, count=99_999))
    with pytest.raises(BadValueError, match="99999 are wanted; give more or longer held-out"):
        infer.run(infer.Config(episodes=(episodes, episodes), model=str(model), search=many))


def test_too_short_episodes_are_one_line(saved: Path, tmp_path: Path) -> None:
    for index in range(3):
        write_episode(tmp_path / "short", make_episode(index, rows=5))
    with pytest.raises(BadValueError, match="give more or longer held-out episodes"):
        run(tmp_path / "short", saved, tmp_path / "out")


def test_too_few_held_out_pairs_are_noticed_before_anything_is_encoded(
    episodes: Path, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_run, "update_cache", lambda *_: pytest.fail("encoded"))
    many = replace(SEARCH, pairs=replace(SEARCH.pairs, count=4000))
    advice = r"held-out episodes: .*4000 are wanted.*--recipe\.validation-search\.pairs\.count"
    with pytest.raises(BadValueError, match=advice):
        run(
            episodes,
            saved,
            tmp_path / "out",
            recipe=replace(RECIPE, validation_search=many),
            loop=EVERY_STEP,
        )
    assert not (tmp_path / "out" / "checkpoint.pt").exists()


def test_why_there_are_no_rollouts_is_said_once(
    episodes: Path, saved: Path, tmp_path: Path
) -> None:
    far = replace(RECIPE, validation_horizon=HorizonConfig(clips=4, least_motion=9.0))
    often = LoopConfig(evaluate_steps=1)
    run(episodes, saved, tmp_path / "out", recipe=far, loop=often)
    log = (tmp_path / "out" / "log.txt").read_text()
    assert log.count("without rollouts by horizon: ") == log.count("moves by 9.0 m") == 1
    assert "horizon/" not in log


def test_a_model_is_there_when_scoring_fails(
    episodes: Path, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(learner: TrainLearner, step: int) -> dict[str, float]:
        raise RuntimeError("scoring")

    monkeypatch.setattr(TrainLearner, "evaluate", fail)
    with pytest.raises(RuntimeError, match="scoring"):
        run(episodes, saved, tmp_path / "out")
    assert WorldModel.from_pretrained(tmp_path / "out" / "model").sandbox


def test_bad_input(episodes: Path, saved: Path, tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match=r"config\.json: there is no such file"):
        run(episodes, tmp_path, tmp_path / "out")
    heads = replace(RECIPE, predictor=PredictorSize(width=24, depth=1, heads=5))
    with pytest.raises(BadValueError, match="5 heads"):
        run(episodes, saved, tmp_path / "out", recipe=heads)
    with pytest.raises(BadValueError, match="seed is -1"):
        run(episodes, saved, tmp_path / "out", seed=-1)
    with pytest.raises(BadValueError, match="one of the two"):
        run(episodes, saved, tmp_path / "out", minutes=1.0)
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadFileError, match="no episode found"):
        run(tmp_path / "empty", saved, tmp_path / "out")
    (saved / "encoder.safetensors").write_bytes(b"cut")
    with pytest.raises(BadFileError, match=r"encoder\.safetensors: not a whole safetensors file"):
        run(episodes, saved, tmp_path / "out")
    assert not (tmp_path / "out").exists()

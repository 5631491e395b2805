"""Whole pre-training runs on tiny videos: resume, relay, results."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from armchair.cli import pretrain as verb
from armchair.errors import BadFileError, BadValueError
from armchair.recipes import paper, sandbox
from armchair.worldmodel.data.frame_store import FrameStore, StoreConfig
from armchair.worldmodel.encoder import EncoderConfig
from armchair.worldmodel.encoder_files import encoder_hash, load_encoder
from armchair.worldmodel.optimisation.draws import Piece
from armchair.worldmodel.optimisation.loop import LoopConfig, Moment
from armchair.worldmodel.optimisation.team import Team
from armchair.worldmodel.packed_tensors import write_packed
from armchair.worldmodel.precision import FLOAT32_SWITCH
from armchair.worldmodel.pretraining.change import ChangeConfig
from armchair.worldmodel.pretraining.clips import ClipConfig, Part, parted, random_crop
from armchair.worldmodel.pretraining.learner import (
    PretrainConfig,
    PretrainLearner,
    collapse_monitor,
    scaled_momentum,
)
from armchair.worldmodel.pretraining.network import MaskDenoiser, MaskPredictorConfig
from armchair.worldmodel.pretraining.run import load_relay
from armchair.worldmodel.pretraining.uniform import UniformConfig
from tests.worldmodel.pretraining.test_uniform import TwoViews
from tests.worldmodel.processes import run_as_two
from tests.worldmodel.videos import write_video

RECIPE = PretrainConfig(
    encoder=EncoderConfig(image_size=32, patch_size=8, width=24, depth=1, heads=2),
    predictor=MaskPredictorConfig(width=16, depth=1, heads=2),
    clips=ClipConfig(batch=4),
)


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    for index in range(3):
        write_video(folder / f"{index}.mp4", frames=20, seed=index)
    return folder


def run(videos: Path, out: Path, **options: object) -> Path:
    settings = {"recipe": RECIPE} | options
    verb.run(verb.Config(videos=(videos,), out=out, **settings))  # type: ignore[arg-type]
    return out


def moment(step: int) -> Moment:
    return Moment(step=step, rate=3e-3, expected_steps=100, wants_metrics=True)


def test_results_and_relay(videos: Path, tmp_path: Path) -> None:
    out = run(videos, tmp_path / "a", steps=3)
    encoder = load_encoder(out / "encoder")
    assert encoder.config == RECIPE.encoder
    learner = PretrainLearner(RECIPE, FrameStore(out / "frames"), seed=0)
    assert load_relay(learner.network, out / "relay.safetensors") == (Piece(seed=0, steps=3),)
    state = learner.network.teacher.state_dict()
    for name, value in encoder.backbone.state_dict().items():
        assert torch.equal(value, state[name]), name
    following = run(
        videos, tmp_path / "b", steps=2, init=out / "relay.safetensors", store=out / "frames"
    )
    assert encoder_hash(load_encoder(following / "encoder")) != encoder_hash(encoder)
    assert "trained before for 3 steps with seed 0; what" in (following / "log.txt").read_text()
    pieces = (Piece(seed=0, steps=3), Piece(seed=0, steps=2))
    assert load_relay(learner.network, following / "relay.safetensors") == pieces


def test_the_next_piece_draws_on_even_with_the_same_seed(videos: Path, tmp_path: Path) -> None:
    out = run(videos, tmp_path / "a", steps=1)

    def loss(step: int, before: tuple[Piece, ...] = ()) -> float:
        learner = PretrainLearner(RECIPE, FrameStore(out / "frames"), seed=0)
        learner.draws.history = before
        return learner.update(moment(step))["loss"]

    pieces = (Piece(seed=3, steps=4), Piece(seed=0, steps=1))
    assert loss(0, pieces) == loss(5) != loss(0)


def test_relays_of_earlier_versions_and_damaged_ones(videos: Path, tmp_path: Path) -> None:
    out = run(videos, tmp_path / "a", steps=1)
    network = PretrainLearner(RECIPE, FrameStore(out / "frames"), seed=0).network
    write_packed(tmp_path / "old.safetensors", network.state_dict())
    assert load_relay(network, tmp_path / "old.safetensors") == ()
    old = run(videos, tmp_path / "b", steps=1, init=tmp_path / "old.safetensors")
    assert "give a --seed that was not used before" in (old / "log.txt").read_text()
    write_packed(tmp_path / "bad.safetensors", network.state_dict(), {"history": '{"a": 1}'})
    with pytest.raises(BadFileError, match="its history cannot be read"):
        load_relay(network, tmp_path / "bad.safetensors")


def test_a_run_that_goes_on_does_not_read_its_relay(videos: Path, tmp_path: Path) -> None:
    relay = run(videos, tmp_path / "first", steps=1) / "relay.safetensors"
    out = run(videos, tmp_path / "a", steps=1, init=relay, preset="sandbox-cooldown")
    relay.unlink()
    with pytest.raises(BadFileError, match="there is no such file or folder"):
        run(videos, tmp_path / "b", steps=1, init=relay)
    with pytest.raises(BadValueError, match="give its relay as --init"):
        run(videos, tmp_path / "b", steps=1, preset="sandbox-cooldown")
    run(videos, out, steps=2, init=relay)
    run(videos, out, steps=3, preset="sandbox-cooldown")
    assert (out / "log.txt").read_text().count("starting from") == 1


def test_a_relay_of_another_size_is_refused_before_videos_are_read(
    videos: Path, tmp_path: Path
) -> None:
    wider = replace(RECIPE.encoder, width=2 * RECIPE.encoder.width)
    other = MaskDenoiser(wider, RECIPE.predictor, len(RECIPE.masks))
    write_packed(tmp_path / "wider.safetensors", other.state_dict())
    with pytest.raises(BadFileError, match=r"wider\.safetensors.* expected"):
        run(videos, tmp_path / "a", steps=1, init=tmp_path / "wider.safetensors")
    assert not (tmp_path / "a").exists()


def test_videos_of_uniform_motion_beside_the_others(videos: Path, tmp_path: Path) -> None:
    for index in range(2):
        (tmp_path / "gliding").mkdir(exist_ok=True)
        write_video(tmp_path / "gliding" / f"{index}.mp4", frames=24, seed=10 + index)
    recipe = replace(RECIPE, uniform=UniformConfig(triples=3, code=4))
    options = {"recipe": recipe, "uniform": (tmp_path / "gliding",)}
    plain = run(videos, tmp_path / "plain", steps=1)
    out = run(videos, tmp_path / "a", steps=2, init=plain / "relay.safetensors", **options)
    log = (out / "log.txt").read_text()
    assert "pre-training on 15 frames of 3 videos" in log, "eq. (1) sees the others alone"
    assert "in another size: uniform.log_temperature, uniform.read.bias" in log
    assert len(FrameStore(out / "frames").videos) == 5
    broken = run(videos, tmp_path / "b", steps=1, init=plain / "relay.safetensors", **options)
    run(videos, broken, steps=2, **options)
    one, two = (encoder_hash(load_encoder(folder / "encoder")) for folder in (out, broken))
    assert one == two, "a run that goes on draws as an unbroken one"
    back = run(videos, tmp_path / "c", steps=1, init=out / "relay.safetensors")
    assert "starting from" in (back / "log.txt").read_text(), "what is not needed is left out"
    for wrong in ({"recipe": recipe}, {"uniform": (tmp_path / "gliding",)}):
        with pytest.raises(BadValueError, match=r"Give both --uniform and --recipe\.uniform\.tri"):
            run(videos, tmp_path / "d", steps=1, **wrong)
    with pytest.raises(BadValueError, match="row_stride is 2, and videos of uniform motion show"):
        run(videos, tmp_path / "d", steps=1, frames=StoreConfig(row_stride=2), **options)
    assert not (tmp_path / "d").exists()
    both = {"uniform": (videos, tmp_path / "gliding"), "recipe": recipe}
    with pytest.raises(BadValueError, match=r"0\.mp4 and 2 more videos are in folders of --videos"):
        run(videos, tmp_path / "d", steps=1, **both)
    (tmp_path / "none").mkdir()
    with pytest.raises(BadFileError, match="no MP4 file below it"):
        run(videos, tmp_path / "d", steps=1, recipe=recipe, uniform=(tmp_path / "none",))


def test_relay_of_a_run_with_other_keypoints(tmp_path: Path) -> None:
    plain = ChangeConfig(pairs=2, code=4, width=16, depth=1, heads=2)
    torch.manual_seed(0)
    old, new, other = (
        MaskDenoiser(RECIPE.encoder, RECIPE.predictor, len(RECIPE.masks), change)
        for change in (plain, replace(plain, keypoints=3, code=2), plain)
    )
    known = {name: value.clone() for name, value in old.state_dict().items()}
    fresh = {name: value.clone() for name, value in new.state_dict().items()}
    write_packed(tmp_path / "old.safetensors", known)
    load_relay(new, tmp_path / "old.safetensors")
    anew = {name for name, value in new.state_dict().items() if torch.equal(value, fresh[name])}
    of_code = {"change.read.weight", "change.read.bias", "change.tell.0.weight"}
    assert of_code < anew
    assert anew >= fresh.keys() - known.keys()
    same = set(known) - of_code
    for name, value in new.state_dict().items():
        if name in same:
            torch.testing.assert_close(value, known[name].bfloat16().float(), msg=name)
    write_packed(tmp_path / "new.safetensors", new.state_dict())
    load_relay(other, tmp_path / "new.safetensors")
    for name in same:
        torch.testing.assert_close(other.state_dict()[name], new.state_dict()[name], msg=name)


def test_killed_run_ends_in_the_same_weights(videos: Path, tmp_path: Path) -> None:
    whole = run(videos, tmp_path / "whole", steps=30)
    out = tmp_path / "killed"
    script = (
        "from pathlib import Path; from tests.worldmodel.pretraining import test_pretrain as t;"
        f"t.run(Path({str(videos)!r}), Path({str(out)!r}), steps=30,"
        "loop=t.LoopConfig(checkpoint_minutes=0.0, log_steps=1))"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 300
        while not (out / "relay.safetensors").exists() and process.poll() is None:
            if time.monotonic() > deadline:
                break
            time.sleep(0.01)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    learner = PretrainLearner(RECIPE, FrameStore(out / "frames"), seed=0)
    (piece,) = load_relay(learner.network, out / "relay.safetensors")
    assert 1 <= piece.steps < 30  # what a killed run leaves can be gone on from elsewhere
    run(videos, out, steps=30)
    assert "resuming" in (out / "log.txt").read_text()
    hashes = [encoder_hash(load_encoder(folder / "encoder")) for folder in (whole, out)]
    assert hashes[0] == hashes[1]


def test_stills_alone_need_no_long_videos(videos: Path, tmp_path: Path) -> None:
    long = replace(RECIPE.clips, clip_frames=64)
    with pytest.raises(BadValueError, match="no video has the 64 stored frames"):
        run(videos, tmp_path / "clips", steps=1, recipe=replace(RECIPE, clips=long))
    stills = replace(RECIPE, clips=replace(long, still_share=1.0))
    assert load_encoder(run(videos, tmp_path / "stills", steps=1, recipe=stills) / "encoder")


def test_stills_are_repeated_as_often_as_asked(videos: Path, tmp_path: Path) -> None:
    store = FrameStore(run(videos, tmp_path / "store", steps=1) / "frames")
    longer = replace(RECIPE, clips=replace(RECIPE.clips, still_frames=8))
    short, long = (
        PretrainLearner(recipe, store, seed=0)._patches(2, True, torch.Generator().manual_seed(0))
        for recipe in (RECIPE, longer)
    )
    assert torch.equal(long, short.repeat(1, 4, 1)), "four tubelets, all of the same frame"
    values = PretrainLearner(longer, store, seed=0).update(moment(0))
    assert values["spread_still/time"] > 0
    assert paper.pretrain().clips.still_frames == paper.cooldown().clips.still_frames == 16
    assert sandbox.pretrain().clips.still_frames == sandbox.cooldown().clips.still_frames == 2
    with pytest.raises(BadValueError, match="still_frames 3 is not a multiple of the tubelet"):
        replace(RECIPE, clips=replace(RECIPE.clips, still_frames=3))


def test_loss_falls_and_tokens_stay_apart(videos: Path, tmp_path: Path) -> None:
    out = run(videos, tmp_path / "store", steps=1)
    learner = PretrainLearner(RECIPE, FrameStore(out / "frames"), seed=0)
    history = [learner.update(moment(step)) for step in range(60)]
    assert history[-1]["loss"] < 0.9 * history[0]["loss"]
    assert history[-1]["spread_still/data"] > 0.05


def test_another_seed_size_or_recipe_does_not_resume(videos: Path, tmp_path: Path) -> None:
    run(videos, tmp_path / "a", steps=1)
    with pytest.raises(BadFileError, match="another set-up"):
        run(videos, tmp_path / "a", steps=2, seed=1)
    larger = replace(RECIPE, clips=ClipConfig(batch=6), momentum=0.5)
    wrong = r"recipe\.clips\.batch was 4, is 6; recipe\.momentum was None, is 0\.5"
    with pytest.raises(BadFileError, match=wrong):
        run(videos, tmp_path / "a", steps=2, recipe=larger)
    wider = replace(RECIPE, encoder=replace(RECIPE.encoder, width=32))
    with pytest.raises(BadFileError, match=r"recipe\.encoder\.width was 24, is 32"):
        run(videos, tmp_path / "a", steps=2, recipe=wider)
    with pytest.raises(BadFileError, match=r"frames\.size was 144, is 100"):
        run(videos, tmp_path / "a", steps=2, store=tmp_path / "b", frames=StoreConfig(size=100))
    fewer = tmp_path / "fewer"
    shutil.copytree(videos, fewer)
    (fewer / "0.mp4").unlink()
    with pytest.raises(BadFileError, match=r"videos was 3, is 2; data was"):
        run(fewer, tmp_path / "a", steps=2)
    more_often = LoopConfig(log_steps=1, evaluate_steps=1)
    leaner = replace(RECIPE, checkpointing=True)
    run(videos, tmp_path / "a", steps=2, loop=more_often, recipe=leaner)


def test_no_video_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadFileError, match="no MP4 file"):
        run(tmp_path / "empty", tmp_path / "out", steps=1)
    assert not (tmp_path / "out").exists()


def weights(folder: Path) -> torch.Tensor:
    content = torch.load(folder / "checkpoint.pt", weights_only=True)
    return torch.cat([value.flatten() for value in content["learner"]["network"].values()])


def test_parts_of_a_batch_add_up_and_may_be_computed_again(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FLOAT32_SWITCH, "1")
    pairs = replace(RECIPE, change=ChangeConfig(pairs=4, width=16, depth=1, heads=2))
    in_parts = replace(pairs, clips=replace(RECIPE.clips, at_once=1))
    recipes = {"whole": pairs, "again": replace(pairs, checkpointing=True), "parts": in_parts}
    found = {
        name: weights(run(videos, tmp_path / name, steps=2, recipe=recipe))
        for name, recipe in recipes.items()
    }
    torch.testing.assert_close(found["again"], found["whole"], atol=1e-6, rtol=0)
    assert (found["parts"] - found["whole"]).abs().max() > 1e-4  # other draws
    parts = parted((2, 3, 0), at_once=2, processes=1)
    assert parts == [Part(0, 0, 2), Part(1, 0, 2), Part(1, 1, 1)]
    assert [part.count for part in parted((2, 3, 0), None, 2)] == [1, 1, 2, 1]
    with pytest.raises(BadValueError, match="3 parts is too small for 4 processes"):
        parted((2, 3, 0), 2, 4)


@pytest.mark.slow
def test_two_processes_are_one(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FLOAT32_SWITCH, "1")
    recipe = replace(RECIPE, clips=replace(RECIPE.clips, at_once=1))
    first, one = (
        weights(run(videos, tmp_path / str(steps), steps=steps, recipe=recipe)) for steps in (1, 4)
    )
    printed = run_as_two(
        "from dataclasses import replace; from pathlib import Path;"
        "from tests.worldmodel.pretraining import test_pretrain as t;"
        "recipe = replace(t.RECIPE, clips=replace(t.RECIPE.clips, at_once=1));"
        f"t.run(Path({str(videos)!r}), Path({str(tmp_path / 'two')!r}), steps=4, recipe=recipe)",
        tmp_path,
    )
    assert [bool(text) for text in printed] == [True, False], "the leader alone says how it goes"
    assert (weights(tmp_path / "two") - one).norm() < 1e-3 * (one - first).norm()
    assert (tmp_path / "two" / "encoder" / "config.json").exists()


@pytest.mark.slow
def test_two_processes_learn_as_one_from_uniform_motion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eq. (1) is left out, and its mask predictor must stay as it is in both."""
    monkeypatch.setenv(FLOAT32_SWITCH, "1")
    start, one = learnt_from_two_views(steps=0), learnt_from_two_views(steps=3)
    run_as_two(
        "import os; import torch; from tests.worldmodel.pretraining import test_pretrain as t;"
        f"place = {str(tmp_path)!r} + '/' + os.environ['RANK'] + '.pt';"
        "torch.save(t.learnt_from_two_views(steps=3), place)",
        tmp_path,
    )
    two, other = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    assert all(torch.equal(two[name], other[name]) for name in start)
    for name, before in start.items():
        if name.startswith("predictor"):
            assert torch.equal(two[name], before)
            assert torch.equal(one[name], before)
    change, apart = (
        torch.cat([(a[name] - b[name]).flatten() for name in start]).norm()
        for a, b in ((one, start), (two, one))
    )
    assert apart < 1e-2 * change


def learnt_from_two_views(steps: int) -> dict[str, torch.Tensor]:
    """Return the weights after some steps on uniform motion and changes, on all processes."""
    uniform = UniformConfig(triples=16, code=4, precision=1.0, directions=3, views=1.0)
    clips = replace(RECIPE.clips, batch=0, at_once=8, crop_scale=(1.0, 1.0))
    recipe = replace(RECIPE, clips=clips, uniform=uniform)
    store, team = TwoViews(), Team()
    learner = PretrainLearner(recipe, store, 0, team=team, uniform=store)
    for step in range(steps):
        learner.update(moment(step))
    weights = {name: value.clone() for name, value in learner.network.state_dict().items()}
    team.close()
    return weights


def test_a_teacher_without_memory_is_the_student(videos: Path, tmp_path: Path) -> None:
    out = run(videos, tmp_path / "a", steps=1)
    recipe = replace(RECIPE, momentum=0.0)
    learner = PretrainLearner(recipe, FrameStore(out / "frames"), seed=0)
    learner.update(moment(0))
    student, teacher = (n.state_dict() for n in (learner.network.student, learner.network.teacher))
    assert all(torch.equal(value, teacher[name]) for name, value in student.items())


def test_momentum_is_scaled_to_the_run() -> None:
    assert scaled_momentum(252_000) == pytest.approx(0.99925)
    assert scaled_momentum(63_000) == pytest.approx(0.997)
    assert scaled_momentum(10) == 0.99


def test_collapse_monitor() -> None:
    assert collapse_monitor(torch.ones(4, 2, 3, 5), "x") == {
        "spread_x/data": 0.0,
        "spread_x/time": 0.0,
    }
    assert collapse_monitor(torch.randn(1, 1, 3, 5), "x") == {}


def test_whole_crop_is_the_frame() -> None:
    frames = torch.from_numpy(
        np.random.default_rng(0).integers(0, 255, (2, 3, 16, 16, 3), np.uint8)
    )
    config = ClipConfig(crop_scale=(1.0, 1.0), crop_aspect=(1.0, 1.0))
    pixels = random_crop(frames, 16, config, torch.Generator().manual_seed(0))
    assert pixels.shape == (2, 3, 3, 16, 16)
    red = pixels[1, 0, 2] * 0.229 + 0.485
    torch.testing.assert_close(red, frames[1, 2, ..., 0].float() / 255, atol=1e-4, rtol=0)


def test_loop_config_is_checked() -> None:
    with pytest.raises(ValueError, match="log_steps is 0, expected 1 or more"):
        LoopConfig(log_steps=0)
    with pytest.raises(ValueError, match="checkpoint_minutes is nan, expected 0 or more"):
        LoopConfig(checkpoint_minutes=float("nan"))

"""Watching changes nothing; cooldown and relay go on from earlier weights."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from armchair.cli import pretrain as verb
from armchair.episode_names import OBJECT_POSE, SIMULATION, TRAJECTORY
from armchair.errors import BadFileError, BadValueError
from armchair.evaluation.encoder_watch import EncoderWatch
from armchair.evaluation.probes import encode, encode_pixels
from armchair.sim.droid_writer import write_episode
from armchair.worldmodel.data.episodes import STATE, DroidEpisodes
from armchair.worldmodel.data.frame_store import StoreConfig
from armchair.worldmodel.encoder_files import encoder_hash, load_encoder
from armchair.worldmodel.optimisation.loop import LoopConfig
from tests.factories import make_episode
from tests.worldmodel.models import tiny_sandbox
from tests.worldmodel.pretraining.test_pretrain import RECIPE


@pytest.fixture(scope="module")
def episodes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("episodes")
    for index in range(8):
        write_episode(root, make_episode(index, rows=36))
    return root


def run(episodes: Path, out: Path, **options: object) -> Path:
    settings = {"videos": (episodes,), "recipe": RECIPE, "steps": 4} | options
    verb.run(verb.Config(out=out, **settings))  # type: ignore[arg-type]
    return out


def test_weights_are_the_same_with_the_watch_off(episodes: Path, tmp_path: Path) -> None:
    often, never = (LoopConfig(log_steps=n, evaluate_steps=n) for n in (1, 1000))
    on = run(episodes, tmp_path / "on", loop=often)  # episodes of its own videos
    off = run(episodes, tmp_path / "off", watching=False, loop=never)
    log = (on / "log.txt").read_text()
    for value in ("watch/flange_position_cm", "watch/flange_position_mean_cm", "spread_clip/time"):
        assert value in log
    assert "watch/object" not in log  # it lies in one place throughout
    assert "watch/" not in (off / "log.txt").read_text()
    first, second = (torch.load(f / "checkpoint.pt", weights_only=True) for f in (on, off))
    for name, value in first["learner"]["network"].items():
        assert torch.equal(value, second["learner"]["network"][name]), name
    assert encoder_hash(load_encoder(on / "encoder")) == encoder_hash(load_encoder(off / "encoder"))


def test_labels_that_cannot_be_read_do_not_stop_it(
    episodes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(episodes, tmp_path / "copy")
    (DroidEpisodes(folder)[0].path / SIMULATION).write_bytes(b"cut")
    run(folder, tmp_path / "a", steps=1)
    assert "not watching: " in capsys.readouterr().err
    with pytest.raises(BadFileError, match="simulation"):
        run(folder, tmp_path / "b", steps=1, watch=folder)
    (DroidEpisodes(folder)[0].path / SIMULATION).unlink()
    with h5py.File(DroidEpisodes(folder)[1].path / TRAJECTORY, "r+") as file:
        file[f"{STATE}/cartesian_position"][:, :3] *= 1000.0
    run(folder, tmp_path / "c", steps=1)
    assert re.search(r"not watching: .*millimetres", capsys.readouterr().err)
    with pytest.raises(BadValueError, match="millimetres"):
        run(folder, tmp_path / "d", steps=1, watch=folder)


def test_pictures_of_any_size_are_watched(tmp_path: Path) -> None:
    for index in range(8):
        size = 96 if index == 5 else 64
        write_episode(tmp_path, make_episode(index, rows=36, size=size))
    encoder, found = tiny_sandbox().encoder, DroidEpisodes(tmp_path)
    watch = EncoderWatch(found, encoder.config.image_shape)
    assert watch.pixels.shape[1:] == (3, 32, 32)
    assert np.isfinite(list(watch(encoder).values())).all()
    first = found[0].frames(range(0, 36, 8))
    torch.testing.assert_close(
        encode_pixels(encoder, watch.pixels[: len(first)]),
        encode(encoder, first),
        atol=0,
        rtol=0,
    )


def test_a_cooldown_without_a_first_run_is_refused(episodes: Path, tmp_path: Path) -> None:
    with pytest.raises(BadValueError, match="goes on from a first run"):
        run(episodes, tmp_path / "a", preset="sandbox-cooldown")


def test_episodes_without_an_object_are_left_out(tmp_path: Path) -> None:
    for index in range(12):
        simulation = {OBJECT_POSE: np.full((36, 7), index / 40)} if index % 2 else {}
        write_episode(tmp_path, make_episode(index, rows=36, simulation=simulation))
    encoder = tiny_sandbox().encoder
    values = EncoderWatch(DroidEpisodes(tmp_path), encoder.config.image_shape)(encoder)
    assert len(values) == 4
    assert np.isfinite(list(values.values())).all()
    for episode in list(DroidEpisodes(tmp_path))[:-1]:
        (episode.path / SIMULATION).unlink(missing_ok=True)
    one_left = EncoderWatch(DroidEpisodes(tmp_path), encoder.config.image_shape)(encoder)
    assert set(one_left) == {"watch/flange_position_cm", "watch/flange_position_mean_cm"}


def test_a_cooldown_takes_larger_pictures_and_longer_clips(episodes: Path, tmp_path: Path) -> None:
    primary = run(episodes, tmp_path / "a", steps=1)
    larger = replace(
        RECIPE,
        encoder=replace(RECIPE.encoder, image_size=48),
        clips=replace(RECIPE.clips, clip_frames=8),
    )
    store = StoreConfig(size=52, row_stride=2)
    init = primary / "relay.safetensors"
    out = run(episodes, tmp_path / "b", recipe=larger, init=init, frames=store)
    encoder = load_encoder(out / "encoder")
    assert encoder.config.image_size == 48
    assert encoder.config.tokens_per_frame == 36


def test_a_relay_from_the_shipped_files_alone(episodes: Path, tmp_path: Path) -> None:
    primary = run(episodes, tmp_path / "a", steps=1)
    out = run(episodes, tmp_path / "b", steps=1, init=primary / "encoder")
    before, after = (load_encoder(f / "encoder").backbone.state_dict() for f in (primary, out))
    for name, value in before.items():  # one small step away
        torch.testing.assert_close(after[name], value, atol=2e-2, rtol=0)
    tiny_sandbox().save_pretrained(tmp_path / "model")
    with pytest.raises(BadFileError, match=r"tensor \S+ has shape"):
        run(episodes, tmp_path / "c", steps=1, init=tmp_path / "model")

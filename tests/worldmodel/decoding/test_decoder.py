"""The frame decoder: learns, resumes, is refused with another encoder's tokens."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from armchair.cli import decoder as verb
from armchair.episode_names import TRAJECTORY
from armchair.errors import BadFileError, BadValueError
from armchair.worldmodel.data.frame_store import FrameStore, StoreConfig, StoredVideo, update_store
from armchair.worldmodel.decoding.files import WEIGHTS, load_decoder, save_decoder
from armchair.worldmodel.decoding.learner import (
    DecoderConfig,
    DecoderLearner,
    as_seen,
    psnr,
    split_frames,
)
from armchair.worldmodel.decoding.network import DecoderSize, FrameDecoder
from armchair.worldmodel.encoder import EncoderConfig, FrameEncoder
from armchair.worldmodel.encoder_files import save_encoder
from armchair.worldmodel.optimisation.loop import Moment
from armchair.worldmodel.optimisation.team import check_alone
from tests.worldmodel.models import tiny_sandbox
from tests.worldmodel.videos import write_video

SIZE = DecoderSize(width=24, depth=1, heads=2)
RECIPE = DecoderConfig(size=SIZE, batch=16, validation_frames=16)


@pytest.fixture(scope="module")
def encoder() -> FrameEncoder:
    return tiny_sandbox().encoder


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    for index in range(3):
        write_video(folder / f"{index}.mp4", frames=40, seed=index)
    return folder


@pytest.fixture(scope="module")
def store(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    folder = tmp_path_factory.mktemp("store")
    return update_store(folder, sorted(videos.glob("*.mp4")), StoreConfig(size=32, row_stride=2))


def test_it_learns_to_show_what_moves(encoder: FrameEncoder, store: FrameStore) -> None:
    learner = DecoderLearner(RECIPE, encoder, store, seed=0)
    before = learner.evaluate(0)["validation/psnr"]
    for step in range(90):
        learner.update(Moment(step=step, rate=3e-3, expected_steps=90, wants_metrics=False))
    after = learner.evaluate(90)
    assert after["validation/psnr"] > before + 5
    assert after["validation/psnr"] > after["validation/psnr_mean_frame"]


def test_held_out_frames_are_chosen_by_episode(tmp_path: Path) -> None:
    # lots are drawn by four parts of a path; the last folder's name is one of each episode's, too
    root = tmp_path / "PennPAL" / "success" / "recordings"
    for i in range(60):
        (root / str(i)).mkdir(parents=True)
        (root / str(i) / TRAJECTORY).touch()
    recordings = [root / str(i) / "recordings" / "MP4" for i in range(60)]
    names = [f"{folder}/{camera}.mp4" for folder in recordings for camera in "ab"]

    class Store:
        folder = Path("store")
        videos = tuple(StoredVideo(path=name, bytes=1, first=0, count=3) for name in names)
        episodes = tuple((3 * i, 3) for i in range(len(names)))

    def episodes_of(frames: torch.Tensor) -> set[str]:
        return {Path(names[i // 3]).parents[2].name for i in frames.tolist()}

    store: Any = Store()
    learnt, out = split_frames(store)
    assert len(learnt) + len(out) == 3 * len(names)
    assert not episodes_of(learnt) & episodes_of(out), "both cameras go together"
    assert 1 <= len(episodes_of(out)) <= 10
    before = episodes_of(out)
    Store.videos, Store.episodes = Store.videos[:60], Store.episodes[:60]
    assert episodes_of(split_frames(store)[1]) == {e for e in before if int(e) < 30}
    Store.videos, Store.episodes = Store.videos[:2], Store.episodes[:2]
    with pytest.raises(BadValueError, match="one video is too few"):
        split_frames(store)


def test_videos_that_lie_loose_in_a_folder_called_recordings() -> None:
    class Store:
        folder = Path("store")
        videos = tuple(
            StoredVideo(path=f"/data/recordings/{name}.mp4", bytes=1, first=0, count=3)
            for name in "abc"
        )
        episodes = ((0, 3), (3, 3), (6, 3))

    store: Any = Store()
    learnt, out = split_frames(store)
    assert len(learnt) == 6
    assert len(out) == 3


def test_patches_come_back_in_place() -> None:
    config = EncoderConfig(image_size=32, patch_size=16, width=24, depth=1, heads=2)
    decoder = FrameDecoder(config, SIZE)
    patches = torch.zeros(1, 4, 16 * 16 * 3)
    patches[0, 1] = torch.arange(16 * 16 * 3)  # the upper right corner
    picture = decoder._assemble(patches)
    assert picture[0, :, :16].abs().max() == 0
    assert torch.equal(picture[0, :16, 16:].flatten(), patches[0, 1])


def test_a_run_and_its_resume(
    encoder: FrameEncoder, videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_encoder(tmp_path / "encoder", encoder)

    def run(out: str, steps: int) -> dict[str, torch.Tensor]:
        verb.run(
            verb.Config(
                videos=(videos,),
                out=tmp_path / out,
                model=str(tmp_path / "encoder"),
                steps=steps,
                recipe=RECIPE,
                frames=StoreConfig(size=32),
            )
        )
        content = torch.load(tmp_path / out / "checkpoint.pt", weights_only=True)
        weights: dict[str, torch.Tensor] = content["learner"]["decoder"]
        return weights

    weights = run("whole", 4)
    whole_update = DecoderLearner.update

    def interrupted(learner: DecoderLearner, moment: Moment) -> dict[str, float]:
        if moment.step == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return whole_update(learner, moment)

    monkeypatch.setattr(DecoderLearner, "update", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run("a", 4)
    monkeypatch.setattr(DecoderLearner, "update", whole_update)
    again = run("a", 4)
    assert all(torch.equal(value, again[name]) for name, value in weights.items())
    log = (tmp_path / "a" / "log.txt").read_text()
    assert "validation/psnr" in log
    assert "after step 2" in log


def test_files(encoder: FrameEncoder, tmp_path: Path) -> None:
    decoder = FrameDecoder(encoder.config, SIZE)
    save_decoder(tmp_path, decoder, encoder)
    tokens = torch.randn(2, 4, 24)
    found, wanted = load_decoder(tmp_path, encoder).pictures(tokens), decoder.pictures(tokens)
    assert found.shape == (2, 32, 32, 3)
    assert (found.int() - wanted.int()).abs().max() <= 3  # bfloat16 on disk
    with pytest.raises(BadFileError, match="decoder of another encoder"):
        load_decoder(tmp_path, tiny_sandbox(seed=1).encoder)
    with pytest.raises(BadValueError, match=r"reads \(batch, 4, 24\)"):
        decoder(torch.zeros(1, 5, 24))
    (tmp_path / WEIGHTS).write_bytes(b"cut")
    with pytest.raises(BadFileError, match="not a whole"):
        load_decoder(tmp_path, encoder)
    with pytest.raises(BadFileError, match=r"no decoder here.*armchair decoder"):
        load_decoder(tmp_path / "none", encoder)


def test_frames_as_the_encoder_sees_them(encoder: FrameEncoder) -> None:
    frames = torch.randint(0, 256, (2, 40, 60, 3), dtype=torch.uint8)
    seen = as_seen(frames, 32)
    assert seen.shape == (2, 32, 32, 3)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    own = encoder.preprocess(frames).permute(0, 2, 3, 1) * std + mean
    torch.testing.assert_close(seen, own.clamp(0, 1), atol=1e-3, rtol=0)
    assert psnr(torch.zeros(4), torch.full((4,), 0.1)) == pytest.approx(20.0)


def test_several_processes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(BadValueError, match="decoder trains in one process, WORLD_SIZE is 2"):
        check_alone("decoder")

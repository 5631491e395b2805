"""Clips: windows, one crop for all frames, a function of seed and index, shards, workers."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from armchair.errors import BadFileError, BadValueError
from armchair.poses import compose
from armchair.sim.droid_writer import write_episode
from armchair.worldmodel.data.clips import (
    ClipDataset,
    ShardedShuffle,
    WindowConfig,
    clip_loader,
)
from armchair.worldmodel.data.crops import Box, CropConfig, crop_clip, draw_box
from armchair.worldmodel.data.episodes import DroidEpisodes
from armchair.worldmodel.data.frame_store import FrameStore, StoreConfig, update_store
from tests.factories import make_episode

WHOLE = CropConfig(size=48, scale=(1.0, 1.0), aspect=(1.0, 1.0))
LENGTHS = (45, 10, 41)


@pytest.fixture(scope="module")
def episodes(tmp_path_factory: pytest.TempPathFactory) -> DroidEpisodes:
    """Three episodes; the second is too short for a clip, the third's header says 60 fps."""
    folder = tmp_path_factory.mktemp("raw")
    for index, rows in enumerate(LENGTHS):
        episode = make_episode(index, rows=rows, size=48)
        write_episode(folder, episode, header_fps=60 if index == 2 else 15)
    return DroidEpisodes(folder)


@pytest.fixture(scope="module")
def store(episodes: DroidEpisodes, tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    videos = [handle.video_path.resolve() for handle in episodes]
    config = StoreConfig(size=48, row_stride=4)
    return update_store(tmp_path_factory.mktemp("store"), videos, config)


@pytest.fixture
def dataset(store: FrameStore, episodes: DroidEpisodes) -> ClipDataset:
    return ClipDataset(store, episodes, WindowConfig(crop=CropConfig(size=32)), seed=3)


def test_windows_are_those_of_the_episodes(store: FrameStore, episodes: DroidEpisodes) -> None:
    config = WindowConfig(crop=WHOLE, roll_to_sandbox=False)
    dataset = ClipDataset(store, episodes, config)
    assert len(dataset) == (12 - 7) + (11 - 7)  # stored frames less the span
    for index, (handle, row) in enumerate(
        [(episodes[0], 4 * start) for start in range(5)]
        + [(episodes[2], 4 * start) for start in range(4)]
    ):
        clip, rows = dataset[index], range(row, row + 32, 4)
        states = handle.states()[rows]
        assert np.allclose(clip.states, states, atol=1e-6)
        ahead = compose(states[:-1], clip.actions.double().numpy())
        assert np.allclose(ahead[:, :3], states[1:, :3], atol=1e-6)
        assert clip.frames.dtype == torch.uint8
        everything = handle.frames(range(len(handle))).astype(float)
        for frame, true_row in zip(clip.frames.numpy(), rows, strict=True):
            errors = np.abs(everything - frame).mean(axis=(1, 2, 3))
            assert errors.argmin() == true_row
            assert errors[true_row] < 4  # the store converts colours less exactly


def test_sixteen_frames_and_strides(store: FrameStore, episodes: DroidEpisodes) -> None:
    assert WindowConfig(frames=16).span == 16
    clip = ClipDataset(store, episodes, WindowConfig(frames=4, stride=3, crop=WHOLE))[0]
    assert clip.frames.shape == (4, 48, 48, 3)
    assert clip.actions.shape == (3, 7)
    assert np.allclose(clip.states[:, 0], episodes[0].states()[0:48:12, 0], atol=1e-6)
    with pytest.raises(BadValueError, match="no episode has the 16 stored frames"):
        ClipDataset(store, episodes, WindowConfig(frames=16))


def test_a_clip_is_a_function_of_seed_and_index(
    store: FrameStore, episodes: DroidEpisodes, dataset: ClipDataset
) -> None:
    again = ClipDataset(store, episodes, dataset.config, seed=3)
    other = ClipDataset(store, episodes, dataset.config, seed=4)
    for index in (0, 5, 8, 100):
        assert torch.equal(dataset[index].frames, again[index].frames)
        assert not torch.equal(dataset[index].frames, other[index].frames)
    later = dataset[2 + len(dataset)]  # the same window, an epoch on
    assert torch.equal(dataset[2].states, later.states)
    assert not torch.equal(dataset[2].frames, later.frames)


def test_roll_is_mapped_for_sandbox_models(dataset: ClipDataset) -> None:
    rolls = torch.stack([dataset[index].states[:, 3] for index in range(len(dataset))])
    assert rolls.min() >= 0
    assert (rolls - torch.pi).abs().max() < 0.1  # DROID's reset pose, on both sides of ±π


def test_all_frames_of_a_clip_get_the_same_crop() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (1, 40, 60, 3), dtype=np.uint8)
    box = draw_box(40, 60, CropConfig(size=24), np.random.default_rng(1))
    cropped = crop_clip(np.repeat(picture, 5, axis=0), box, 24)
    assert cropped.shape == (5, 24, 24, 3)
    assert (cropped == cropped[0]).all()
    assert torch.equal(
        crop_clip(picture, Box(3, 5, 24, 24), 24)[0], torch.from_numpy(picture[0, 3:27, 5:29])
    )


def test_crops_keep_to_their_ranges() -> None:
    config, draw = CropConfig(size=8), np.random.default_rng(0)
    boxes = [draw_box(400, 400, config, draw) for _ in range(500)]
    aspects = np.array([box.width / box.height for box in boxes])
    areas = np.array([box.width * box.height for box in boxes]) / 400**2
    assert 0.74 < aspects.min() < 0.8
    assert 1.3 < aspects.max() < 1.36
    assert 0.29 < areas.min() < 0.35
    assert areas.max() > 0.9
    assert all(box.top + box.height <= 400 and box.left + box.width <= 400 for box in boxes)
    assert {box.top == 0 for box in boxes} == {True, False}


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_ranks_share_an_epoch_without_overlap(ranks: int) -> None:
    shards = [ShardedShuffle(20, rank=rank, ranks=ranks, seed=1) for rank in range(ranks)]
    first = [list(shard) for shard in shards]
    assert {len(shard) for shard in first} == {20 // ranks}
    together = [index for shard in first for index in shard]
    assert len(set(together)) == len(together)
    assert set(together) <= set(range(20))
    second = [index for shard in shards for index in shard]
    assert set(second) <= set(range(20, 40))
    assert [index - 20 for index in second] != together


@pytest.mark.slow
def test_a_worker_brings_the_same_batches(dataset: ClipDataset) -> None:
    loader = clip_loader(dataset, 4)
    alone = [batch for _ in range(2) for batch in loader]
    loader = clip_loader(dataset, 4, workers=1)
    together = [batch for _ in range(2) for batch in loader]
    assert len(alone) == 4
    for one, other in zip(alone, together, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_a_pickled_dataset_opens_its_store_anew(dataset: ClipDataset) -> None:
    content = pickle.dumps(dataset)
    assert len(content) < dataset.store.frames.nbytes
    assert torch.equal(pickle.loads(content)[1].frames, dataset[1].frames)


def test_a_store_of_other_episodes_is_refused(store: FrameStore, tmp_path: Path) -> None:
    write_episode(tmp_path, make_episode(7, rows=40, size=48))
    with pytest.raises(BadFileError, match="Update the store first"):
        ClipDataset(store, DroidEpisodes(tmp_path), WindowConfig())


@pytest.mark.parametrize(
    "bad", [{"size": 0}, {"scale": (0.5, 1.5)}, {"scale": (0.9, 0.3)}, {"aspect": (0.0, 1.0)}]
)
def test_crop_ranges_are_checked(bad: dict[str, object]) -> None:
    with pytest.raises(BadValueError, match="crop"):
        CropConfig(**bad)  # type: ignore[arg-type]

"""Clips for training: windows of 8 or 16 frames with states and actions, ready for a DataLoader.

Frames come from a `FrameStore`, decoded once; states from the episodes themselves. A clip is a
function of seed and index alone, whichever rank and worker reads it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from armchair.errors import BadFileError, BadValueError, check_least
from armchair.poses import difference, roll_to_sandbox
from armchair.worldmodel.data.crops import CropConfig, crop_clip, draw_box
from armchair.worldmodel.data.episodes import EpisodeHandle
from armchair.worldmodel.data.frame_store import FrameStore


@dataclass(frozen=True, kw_only=True)
class WindowConfig:
    """What a clip is; with a store of every 4th row, frames come at 3.75 per second ("4 fps")."""

    frames: int = 8
    """Model frames of a clip: 8 in the reference code, 16 in the paper."""
    stride: int = 1
    """Stored frames from one frame of a clip to the next."""
    crop: CropConfig = field(default_factory=CropConfig)
    roll_to_sandbox: bool = True
    """Map roll to [0, 2π), as sandbox models see it; the official weights get the raw value."""

    def __post_init__(self) -> None:
        check_least(self, frames=2, stride=1)

    @property
    def span(self) -> int:
        """Stored frames from the first to the last of a clip, both counted."""
        return (self.frames - 1) * self.stride + 1


class Clip(NamedTuple):
    """frames (T, S, S, 3) uint8, states (T, 7) and actions (T-1, 7) in metres and radians."""

    frames: Tensor
    states: Tensor
    actions: Tensor


class ClipDataset(Dataset[Clip]):
    """Every window of every episode. `dataset[index]` repeats windows with other crops beyond len.

    Index i is window i % len in epoch i // len: a crop depends on seed and index, on nothing else.
    """

    def __init__(
        self,
        store: FrameStore,
        episodes: Sequence[EpisodeHandle],
        config: WindowConfig,
        seed: int = 0,
    ) -> None:
        self.config, self.seed, self.store = config, seed, store
        self._states, starts = _index(store, episodes, config)
        self._starts = np.concatenate(starts) if starts else np.zeros(0, dtype=np.int64)
        if not len(self._starts):
            raise BadValueError(
                f"{store.folder}: no episode has the {config.span} stored frames that a clip "
                "spans. Collect longer episodes or lower frames or stride."
            )

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, index: int) -> Clip:
        if index < 0:
            raise IndexError(f"clip {index}: count from 0")
        start = self.start_of(index)
        rows = slice(start, start + self.config.span, self.config.stride)
        frames, states = self.store.frames[rows], self._states[rows]
        generator = np.random.default_rng([self.seed, index])
        box = draw_box(frames.shape[1], frames.shape[2], self.config.crop, generator)
        return Clip(
            frames=crop_clip(frames, box, self.config.crop.size),
            states=torch.from_numpy(self._seen(states)).float(),
            actions=torch.from_numpy(difference(states[:-1], states[1:])).float(),
        )

    def start_of(self, index: int) -> int:
        """Return the stored frame that a clip begins with."""
        return int(self._starts[index % len(self)])

    def _seen(self, states: NDArray[np.float64]) -> NDArray[np.float64]:
        return roll_to_sandbox(states) if self.config.roll_to_sandbox else states


class ShardedShuffle(Sampler[int]):
    """This rank's indices of one epoch: disjoint over ranks, equally many on each, reshuffled.

    The order is a function of seed and epoch alone; an epoch's indices are those beyond the
    last one's, so that every epoch draws new crops (see `ClipDataset`).
    """

    def __init__(self, length: int, *, rank: int = 0, ranks: int = 1, seed: int = 0) -> None:
        if not 0 <= rank < ranks <= length:
            raise BadValueError(f"rank {rank} of {ranks} and {length} clips: too few, or not one.")
        self.length, self.rank, self.ranks, self.seed = length, rank, ranks, seed
        self.epoch = 0

    def __len__(self) -> int:
        return self.length // self.ranks

    def __iter__(self) -> Iterator[int]:
        epoch, self.epoch = self.epoch, self.epoch + 1
        order = np.random.default_rng([self.seed, epoch]).permutation(self.length)
        mine = order[: len(self) * self.ranks][self.rank :: self.ranks]
        yield from (epoch * self.length + mine).tolist()


def clip_loader(
    dataset: ClipDataset, batch: int, *, rank: int = 0, ranks: int = 1, workers: int = 0
) -> DataLoader[Clip]:
    """Return a loader of batches of `Clip`s; each pass over it is the next epoch."""
    sampler = ShardedShuffle(len(dataset), rank=rank, ranks=ranks, seed=dataset.seed)
    return DataLoader(
        dataset,
        batch_size=batch,
        sampler=sampler,
        num_workers=workers,
        persistent_workers=workers > 0,
        drop_last=True,
    )


def _index(
    store: FrameStore, episodes: Sequence[EpisodeHandle], config: WindowConfig
) -> tuple[NDArray[np.float64], list[NDArray[np.int64]]]:
    """Return states (F, 7) of all stored frames, NaN where no episode is known, and all starts."""
    states = np.full((len(store), 7), np.nan)
    videos = {video.path: video for video in store.videos}
    starts = []
    for handle in episodes:
        stored = videos.get(str(handle.video_path.resolve()))
        if stored is None:
            raise BadFileError(store.folder, f"lacks {handle.video_path}", "Update the store first")
        rows = handle.states()[:: store.config.row_stride]
        if len(rows) != stored.count:
            found = f"{len(rows)} rows for {stored.count} stored frames"
            raise BadFileError(handle.path, found, f"Delete {store.folder}; it is made again")
        states[stored.first : stored.first + stored.count] = rows
        last = stored.first + stored.count - config.span
        starts.append(np.arange(stored.first, last + 1, dtype=np.int64))
    return states, starts

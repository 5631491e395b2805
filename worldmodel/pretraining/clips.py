"""Batches of clips and repeated stills out of a frame store, cropped at random."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from armchair.errors import BadValueError, check_least
from armchair.worldmodel.data.frame_store import FrameStore
from armchair.worldmodel.pixels import normalise


@dataclass(frozen=True, kw_only=True)
class ClipConfig:
    """What a batch is made of."""

    batch: int = 64
    """Clips and stills together, over all processes; 0 leaves eq. (1) out, for a run that goes on
    with other objectives."""
    at_once: int | None = None
    """Clips, stills, pairs or triples that pass the networks together; the gradients of parts add
    up. None: all that a process has. The same number on more processes draws the same batches."""
    still_share: float = 0.5
    """Share of the batch that is one frame repeated."""
    still_frames: int = 2
    """Frames that a still is repeated to (a multiple of the tubelet size); 2 are one tubelet, as
    the AC model encodes it."""
    clip_frames: int = 4
    """Frames of a clip (a multiple of the tubelet size)."""
    clip_stride: int = 1
    """Stored frames from one frame of a clip to the next."""
    crop_scale: tuple[float, float] = (0.3, 1.0)
    """Range of the crop's area as a share of the frame."""
    crop_aspect: tuple[float, float] = (0.75, 1.35)
    """Range of the crop's width / height before it is resized to a square."""

    def __post_init__(self) -> None:
        if not 0 <= self.still_share <= 1:
            raise BadValueError(f"still_share is {self.still_share}; it is a share in [0, 1].")
        check_least(self, batch=0, still_frames=1, clip_frames=1, clip_stride=1)
        if self.at_once is not None and self.at_once < 1:
            raise BadValueError(f"at_once is {self.at_once}; it is at least 1.")
        for low, high in (self.crop_scale, self.crop_aspect):
            if not 0 < low <= high < math.inf:
                raise BadValueError(f"a crop range ({low}, {high}) must be positive and ordered.")
        if not self.crop_scale[1] <= 1:
            raise BadValueError(f"crop_scale is {self.crop_scale}; shares of a frame are up to 1.")

    @property
    def stills(self) -> int:
        """Repeated stills in a batch."""
        return round(self.batch * self.still_share)


@dataclass(frozen=True)
class Part:
    """A part of a step's batch: `number` of `stream`, `count` clips, stills or pairs."""

    stream: int
    number: int
    count: int


def parted(counts: Sequence[int], at_once: int | None, processes: int) -> list[Part]:
    """Return the parts of a step's batch, `counts` of each stream, for one process or more.

    Process r of n takes every n-th, from the r-th. Raises `BadValueError` where one would get none.
    """
    parts = []
    for stream, count in enumerate(counts):
        size = at_once or -(-count // processes)
        whole = [min(size, count - first) for first in range(0, count, max(size, 1))]
        parts += [Part(stream, number, some) for number, some in enumerate(whole)]
    if len(parts) < processes:
        raise BadValueError(
            f"a batch of {len(parts)} parts is too small for {processes} processes; lower at_once."
        )
    return parts


def sample_frames(store: FrameStore, starts: Tensor, frames: int, stride: int) -> Tensor:
    """Return stored frames (B, T, S, S, 3) uint8 that begin at the given indices (B,)."""
    index = starts.unsqueeze(1) + torch.arange(frames) * stride
    return torch.from_numpy(np.ascontiguousarray(store.frames[index.numpy()]))


def clip_starts(store: FrameStore, span: int) -> Tensor:
    """Return every index at which `span` consecutive stored frames lie in one episode."""
    ranges = [
        torch.arange(first, first + count - span + 1)
        for first, count in store.episodes
        if count >= span
    ]
    if not ranges:
        raise BadValueError(
            f"{store.folder}: no video has the {span} stored frames that a clip spans. "
            "Collect longer videos or lower clip_frames or clip_stride."
        )
    return torch.cat(ranges)


def random_crop(
    frames: Tensor, size: int, config: ClipConfig, generator: torch.Generator
) -> Tensor:
    """Return normalised pixels (B, 3, T, size, size) of frames (B, T, S, S, 3) uint8.

    Every clip gets one random crop for all its frames (random-resized-crop, no flip).
    """
    batch, time = frames.shape[:2]
    grids = _crop_grids(batch, size, config, generator).to(frames.device)
    pixels = frames.permute(0, 1, 4, 2, 3).flatten(1, 2).float()
    resized = F.grid_sample(pixels, grids, padding_mode="border", align_corners=False)
    return normalise(resized.unflatten(1, (time, 3))).transpose(1, 2)


def _crop_grids(batch: int, size: int, config: ClipConfig, generator: torch.Generator) -> Tensor:
    draws = torch.rand(4, batch, generator=generator)
    low, high = config.crop_scale
    scale = low + (high - low) * draws[0]
    low, high = (math.log(limit) for limit in config.crop_aspect)
    aspect = torch.exp(low + (high - low) * draws[1])
    width = (scale * aspect).sqrt().clamp(max=1.0)
    height = (scale / aspect).sqrt().clamp(max=1.0)
    theta = torch.zeros(batch, 2, 3)
    theta[:, 0, 0], theta[:, 1, 1] = width, height
    theta[:, 0, 2] = (1 - width) * (2 * draws[2] - 1)
    theta[:, 1, 2] = (1 - height) * (2 * draws[3] - 1)
    return F.affine_grid(theta, [batch, 3, size, size], align_corners=False)

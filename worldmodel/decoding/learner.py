"""Trains the frame decoder on a frozen encoder's tokens: mean squared error of pixels (B.3)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from armchair.episode_names import TRAJECTORY
from armchair.errors import BadValueError, check_least
from armchair.worldmodel.data.frame_store import FrameStore
from armchair.worldmodel.decoding.network import DecoderSize, FrameDecoder
from armchair.worldmodel.encoder import FrameEncoder
from armchair.worldmodel.encoder_files import encoder_hash
from armchair.worldmodel.optimisation.adamw import AdamWConfig, Optimiser
from armchair.worldmodel.optimisation.loop import Moment, generator_at
from armchair.worldmodel.optimisation.schedule import Schedule
from armchair.worldmodel.optimisation.setup import Setup, plain
from armchair.worldmodel.pixels import central_crop, normalise
from armchair.worldmodel.precision import autocast
from armchair.worldmodel.statistics import layer_normalised
from armchair.worldmodel.training.split import drawn_out

RECORDINGS = "recordings"
"""The folder of an episode that its videos lie in."""
MEASURED = 256
"""Frames whose tokens set the standardisation of the input."""
VALIDATION_STREAM = 1_000_003


@dataclass(frozen=True, kw_only=True)
class DecoderConfig:
    """The whole of a decoder's training but its input, output and length."""

    size: DecoderSize = field(default_factory=DecoderSize)
    batch: int = 64
    """Frames a step; 1024 in the paper."""
    schedule: Schedule = field(
        default_factory=lambda: Schedule(
            peak=5e-4, warmup_share=0.0133, decay_share=0.9867, decay="cosine"
        )
    )
    optimiser: AdamWConfig = field(
        default_factory=lambda: AdamWConfig(weight_decay=0.1, clip_norm=1.0)
    )
    validation_frames: int = 128

    def __post_init__(self) -> None:
        check_least(self, batch=1, validation_frames=1)


class DecoderLearner:
    """Draws frames from a store, encodes them and improves `decoder` on their pixels.

    Everything is done on the encoder's device; what is drawn depends on seed and step alone.
    """

    def __init__(
        self, config: DecoderConfig, encoder: FrameEncoder, store: FrameStore, seed: int
    ) -> None:
        self.config, self.encoder, self.store, self.seed = config, encoder, store, seed
        self.device = next(encoder.parameters()).device
        torch.manual_seed(seed)
        self.decoder = FrameDecoder(encoder.config, config.size).to(self.device)
        self.optimiser = Optimiser([self.decoder], config.optimiser)
        self._train, self._held_out = split_frames(store)
        tokens, _ = self._encode(self._draw(self._train, MEASURED, generator_at(seed, 0, 1)))
        self.decoder.measure(tokens)

    def update(self, moment: Moment) -> dict[str, float]:
        """Do one step on a batch of frames."""
        generator = generator_at(self.seed, moment.step)
        tokens, pixels = self._encode(self._draw(self._train, self.config.batch, generator))
        with autocast(self.device):
            loss = F.mse_loss(self.decoder(tokens), pixels)
        norm = self.optimiser.step(loss, moment.rate)
        return {"loss": float(loss.detach()), "gradient_norm": norm}

    @torch.no_grad()
    def evaluate(self, step: int) -> dict[str, float]:
        """Return error on held-out videos in dB, and that of always showing the mean frame."""
        generator = generator_at(self.seed, VALIDATION_STREAM)
        count = self.config.validation_frames
        tokens, pixels = self._encode(self._draw(self._held_out, count, generator))
        with autocast(self.device):
            found = self.decoder(tokens).clamp(0, 1)
        train = self._stills(self._draw(self._train, count, generator)).mean(0)
        return {
            "validation/psnr": psnr(found, pixels),
            "validation/psnr_mean_frame": psnr(train.expand_as(pixels), pixels),
        }

    def setup(self) -> Setup:
        """Return recipe, encoder and videos."""
        store = self.store
        return (
            plain("recipe", self.config, leave_out=("validation_",))
            | plain("frames", store.config)
            | {"encoder": encoder_hash(self.encoder)}
            | {"videos": len(store.videos), "data": store.identity()}
        )

    def state(self) -> dict[str, Any]:
        """Return the decoder and the optimiser's moments."""
        return {
            "decoder": self.decoder.state_dict(),
            "adamw": self.optimiser.adamw.state_dict(),
            "seed": self.seed,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state`; raises ValueError or RuntimeError if it is of another set-up."""
        if state["seed"] != self.seed:
            raise ValueError(f"seed {state['seed']}, this run has {self.seed}")
        self.decoder.load_state_dict(state["decoder"])
        self.optimiser.adamw.load_state_dict(state["adamw"])

    def _draw(self, frames: Tensor, count: int, generator: torch.Generator) -> Tensor:
        return frames[torch.randint(len(frames), (count,), generator=generator)]

    def _stills(self, index: Tensor) -> Tensor:
        """Return pixels (B, S, S, 3) in 0 … 1 of stored frames, as the encoder sees them."""
        stored = torch.from_numpy(np.ascontiguousarray(self.store.frames[index.numpy()]))
        return as_seen(stored.to(self.device), self.encoder.config.side)

    @torch.no_grad()
    def _encode(self, index: Tensor) -> tuple[Tensor, Tensor]:
        pixels = self._stills(index)
        stills = normalise(255 * pixels.permute(0, 3, 1, 2))
        with autocast(self.device):
            return layer_normalised(self.encoder.encode_stills(stills)), pixels


def as_seen(frames: Tensor, size: int) -> Tensor:
    """Return float pixels (B, size, size, 3) in 0 … 1 of uint8 frames (B, H, W, 3).

    Cropped and resized as the encoder's own input is.
    """
    pixels = central_crop(frames).permute(0, 3, 1, 2).float() / 255
    resized = F.interpolate(pixels, (size, size), mode="bilinear", antialias=True)
    return resized.clamp(0, 1).permute(0, 2, 3, 1)


def split_frames(store: FrameStore) -> tuple[Tensor, Tensor]:
    """Return frame indices of videos to learn from, and of held-out videos.

    About one in twenty is held out, by name; all cameras of an episode go together. Raises
    `BadValueError` if there is but one video or episode.
    """
    homes = [_home(Path(video.path)) for video in store.videos]
    if len(set(homes)) < 2:
        raise BadValueError(f"{store.folder}: one video is too few, as one is held out; give more.")
    out = drawn_out(homes)
    apart: tuple[list[Tensor], list[Tensor]] = ([], [])
    for home, (first, count) in zip(homes, store.episodes, strict=True):
        apart[home in out].append(torch.arange(first, first + count))
    return torch.cat(apart[False]), torch.cat(apart[True])


def _home(video: Path) -> Path:
    """Return the folder of the episode that a video belongs to, or else the video's own path."""
    homes = (folder.parent for folder in video.parents if folder.name == RECORDINGS)
    return next((home for home in homes if (home / TRAJECTORY).is_file()), video)


def psnr(found: Tensor, wanted: Tensor) -> float:
    """Return the peak signal-to-noise ratio in dB of pixels in 0 … 1."""
    return -10 * math.log10(max(float(F.mse_loss(found, wanted)), 1e-12))

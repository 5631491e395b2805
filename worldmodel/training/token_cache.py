"""Tokens of every model frame, encoded once by a frozen encoder and kept on disk.

    tokens.bin      (F, crops, N, D) float16: LayerNormed tokens (finer than bfloat16 at this range)
    states.bin      (F, 7) float64: metres and radians, roll in (-pi, pi] as in the files
    manifest.json   encoder's hash, row stride, crops, N, D; per episode: path, first, count

The manifest is replaced after the rest is on disk; a killed run goes on after its last entry. A
cache of another encoder is refused: tokens of two encoders have nothing in common.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from armchair.errors import BadFileError, BadValueError
from armchair.worldmodel.data.episodes import EpisodeHandle
from armchair.worldmodel.encoder import FrameEncoder
from armchair.worldmodel.encoder_files import encoder_hash
from armchair.worldmodel.optimisation import atomic
from armchair.worldmodel.statistics import layer_normalised
from armchair.worldmodel.training.crops import fixed_crops

VERSION = 1
TOKENS, STATES, MANIFEST = "tokens.bin", "states.bin", "manifest.json"
SAVE_EVERY = 20
"""Episodes between two writings of the manifest."""
ENCODE_AT_ONCE = 32
"""Frames per call of the encoder."""


@dataclass(frozen=True, kw_only=True)
class CacheConfig:
    """What of an episode is cached."""

    row_stride: int = 4
    """Rows (15 Hz) from one cached frame to the next; 4 is one model frame."""
    crops: int = 1
    """Fixed crops of each frame; 1 is the whole frame alone."""

    def __post_init__(self) -> None:
        if self.row_stride < 1 or self.crops < 1:
            raise BadValueError("row_stride and crops are at least 1.")


@dataclass(frozen=True, kw_only=True)
class CachedEpisode:
    """Where an episode's frames lie in the cache."""

    path: str
    first: int
    count: int


@dataclass(frozen=True, kw_only=True)
class CacheLayout:
    """All that must agree before tokens may be appended or read."""

    encoder_sha256: str
    row_stride: int
    crops: int
    tokens: int
    """N, per frame."""
    width: int
    """D, channels."""
    version: int = VERSION


class TokenCache:
    """Read access: `tokens` (F, crops, N, D) float16, `states` (F, 7) float64, `episodes`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.layout, self.episodes = _read_manifest(folder)
        frames = sum(episode.count for episode in self.episodes)
        shape = (frames, self.layout.crops, self.layout.tokens, self.layout.width)
        try:
            self.tokens: NDArray[np.float16] = np.memmap(
                folder / TOKENS, np.float16, "r", shape=shape
            )
            rows = np.memmap(folder / STATES, np.float64, "r", shape=(frames, 7))
        except (OSError, ValueError) as error:
            raise BadFileError(
                folder, f"shorter than its manifest says ({error})", _fix(folder)
            ) from error
        self.states: NDArray[np.float64] = np.array(rows)

    def __len__(self) -> int:
        return len(self.states)

    def read(self, frames: NDArray[np.int64], crop: int = 0) -> torch.Tensor:
        """Return LayerNormed tokens (..., N, D) float32 of frame indices (...)."""
        picked = self.tokens[frames.reshape(-1), crop]
        return torch.from_numpy(picked).float().reshape(*frames.shape, *picked.shape[1:])


def update_cache(
    folder: Path,
    episodes: Sequence[EpisodeHandle],
    encoder: FrameEncoder,
    config: CacheConfig,
    on_episode: Callable[[int, int], None] = lambda done, total: None,
) -> TokenCache:
    """Encode the episodes that the cache lacks and return it.

    Raises `BadFileError` for a damaged episode, or a cache of another encoder or config; whatever
    was complete before stays. `on_episode(done, total)` is called after each.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = CacheLayout(
        encoder_sha256=encoder_hash(encoder),
        row_stride=config.row_stride,
        crops=config.crops,
        tokens=encoder.config.tokens_per_frame,
        width=encoder.config.width,
    )
    known: list[CachedEpisode] = []
    if (folder / MANIFEST).exists():
        found, known = _read_manifest(folder)
        _check_same(folder, found, wanted)
    have = {episode.path for episode in known}
    fresh = [episode for episode in episodes if str(episode.path.resolve()) not in have]
    first = sum(episode.count for episode in known)
    for name, width in ((TOKENS, wanted.crops * wanted.tokens * wanted.width * 2), (STATES, 56)):
        (folder / name).touch()
        with (folder / name).open("r+b") as file:
            file.truncate(first * width)
    for done, episode in enumerate(fresh, 1):
        count = _append(folder, episode, encoder, config)
        known.append(CachedEpisode(path=str(episode.path.resolve()), first=first, count=count))
        first += count
        if done % SAVE_EVERY == 0 or done == len(fresh):
            _write_manifest(folder, wanted, known)
        on_episode(done, len(fresh))
    return TokenCache(folder)


def _append(
    folder: Path, episode: EpisodeHandle, encoder: FrameEncoder, config: CacheConfig
) -> int:
    states = episode.states()
    rows, frames = zip(*episode.iter_frames(config.row_stride), strict=True)
    tokens = encode_frames(encoder, np.stack(frames), config.crops)
    with atomic.one_line_when_full(folder):
        with (folder / TOKENS).open("ab") as file:
            file.write(tokens.tobytes())
        with (folder / STATES).open("ab") as file:
            file.write(states[list(rows)].astype(np.float64).tobytes())
    return len(rows)


@torch.no_grad()
def encode_frames(
    encoder: FrameEncoder, frames: NDArray[np.uint8], crops: int
) -> NDArray[np.float16]:
    """Return LayerNormed tokens (T, crops, N, D) of frames (T, H, W, 3), in float32 arithmetic."""
    views = [
        np.concatenate(
            [
                layer_normalised(encoder(chunk)).cpu().numpy().astype(np.float16)
                for chunk in np.array_split(view, -(-len(view) // ENCODE_AT_ONCE))
            ]
        )
        for view in fixed_crops(frames, crops)
    ]
    return np.stack(views, axis=1)


def _check_same(folder: Path, found: CacheLayout, wanted: CacheLayout) -> None:
    differences = [
        f"{name} {value}, wanted {asdict(wanted)[name]}"
        for name, value in asdict(found).items()
        if value != asdict(wanted)[name]
    ]
    if differences:
        raise BadFileError(folder, f"a token cache of {'; '.join(differences)}", _fix(folder))


def _fix(folder: Path) -> str:
    return f"Delete {folder} or choose another --cache; it is made again from the episodes."


def _write_manifest(folder: Path, layout: CacheLayout, episodes: list[CachedEpisode]) -> None:
    content = {"layout": asdict(layout), "episodes": [asdict(e) for e in episodes]}
    atomic.write_json(folder / MANIFEST, content)


def _read_manifest(folder: Path) -> tuple[CacheLayout, list[CachedEpisode]]:
    path = folder / MANIFEST
    try:
        content = json.loads(path.read_text())
        layout = CacheLayout(**content["layout"])
        return layout, [CachedEpisode(**episode) for episode in content["episodes"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadFileError(path, f"not a token cache's manifest ({error})", _fix(folder)) from error

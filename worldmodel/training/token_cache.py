"""Tokens of every model frame, encoded once by a frozen encoder and kept on disk, memory-mapped.

    tokens.bin      (F, crops, N, D) bfloat16: LayerNormed tokens
    states.bin      (F, 7) float64: metres and radians, roll in (-pi, pi] as in the files
    manifest.json   what they are: see `cache_layout`

The manifest is replaced after the rest is on disk; a killed run goes on after its last entry. A
cache of another encoder is refused: tokens of two encoders have nothing in common.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from armchair.errors import BadFileError
from armchair.worldmodel.data.episodes import EpisodeHandle
from armchair.worldmodel.encoder import FrameEncoder
from armchair.worldmodel.encoder_files import encoder_hash
from armchair.worldmodel.optimisation import atomic
from armchair.worldmodel.statistics import layer_normalised
from armchair.worldmodel.training.cache_layout import (
    MANIFEST,
    CacheConfig,
    CachedEpisode,
    CacheLayout,
    Numbers,
    check_same,
    check_unchanged,
    read_manifest,
    remake,
    write_manifest,
)
from armchair.worldmodel.training.crops import fixed_crops

TOKENS, STATES = "tokens.bin", "states.bin"
SAVE_EVERY = 20
"""Episodes between two writings of the manifest."""
ENCODE_AT_ONCE = 32
"""Frames per call of the encoder."""
FORMATS: dict[Numbers, torch.dtype] = {"bfloat16": torch.bfloat16, "float16": torch.float16}


class TokenCache:
    """Read access: `tokens` (F, crops, N, D) as 16-bit words, `states` (F, 7) float64, `episodes`.

    `read` turns words into numbers; numpy has no bfloat16.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.layout, self.episodes = read_manifest(folder)
        frames = sum(episode.count for episode in self.episodes)
        shape = (frames, self.layout.crops, self.layout.tokens, self.layout.width)
        try:
            self.tokens: NDArray[np.int16] = np.memmap(folder / TOKENS, np.int16, "r", shape=shape)
            rows = np.memmap(folder / STATES, np.float64, "r", shape=(frames, 7))
        except (OSError, ValueError) as error:
            raise BadFileError(
                folder, f"shorter than its manifest says ({error})", remake(folder)
            ) from error
        self.states: NDArray[np.float64] = np.array(rows)

    def __len__(self) -> int:
        return len(self.states)

    def read(self, frames: NDArray[np.int64], crop: int = 0) -> torch.Tensor:
        """Return LayerNormed tokens (..., N, D) float32 of frame indices (...)."""
        picked = self.tokens[frames.reshape(-1), crop]
        numbers = torch.from_numpy(picked).view(FORMATS[self.layout.numbers]).float()
        return numbers.reshape(*frames.shape, *picked.shape[1:])


def update_cache(
    folder: Path,
    episodes: Sequence[EpisodeHandle],
    encoder: FrameEncoder,
    config: CacheConfig,
    on_episode: Callable[[int, int], None] = lambda done, total: None,
) -> TokenCache:
    """Encode the episodes that the cache lacks and return it.

    Raises `BadFileError` for a damaged episode, one whose video is not the cached one's, or a cache
    of another encoder or config; whatever was complete before stays. `on_episode(done, total)` is
    called after each.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = CacheLayout(
        encoder_sha256=encoder_hash(encoder),
        row_stride=config.row_stride,
        crops=config.crops,
        tokens=encoder.config.tokens_per_frame,
        width=encoder.config.width,
        numbers=config.numbers,
    )
    known = _known(folder, wanted)
    have = {episode.path: episode for episode in known}
    fresh = []
    for episode in episodes:
        if (path := str(episode.path.resolve())) in have:
            check_unchanged(folder, have[path], episode)
        else:
            fresh.append(episode)
    first = sum(episode.count for episode in known)
    for name, width in ((TOKENS, wanted.frame_bytes), (STATES, 56)):
        (folder / name).touch()
        with (folder / name).open("r+b") as file:
            file.truncate(first * width)
    for done, episode in enumerate(fresh, 1):
        known.append(_append(folder, episode, encoder, config, first))
        first += known[-1].count
        if done % SAVE_EVERY == 0 or done == len(fresh):
            write_manifest(folder, wanted, known)
        on_episode(done, len(fresh))
    return TokenCache(folder)


def _known(folder: Path, wanted: CacheLayout) -> list[CachedEpisode]:
    """Return the episodes that a cache has; raises `BadFileError` if it is of another kind."""
    if not (folder / MANIFEST).exists():
        return []
    found, known = read_manifest(folder)
    check_same(folder, found, wanted)
    return known


def _append(
    folder: Path, episode: EpisodeHandle, encoder: FrameEncoder, config: CacheConfig, first: int
) -> CachedEpisode:
    states = episode.states()
    rows, frames = zip(*episode.iter_frames(config.row_stride), strict=True)
    words = encode_frames(encoder, np.stack(frames), config)
    with atomic.one_line_when_full(folder):
        with (folder / TOKENS).open("ab") as file:
            file.write(words.tobytes())
        with (folder / STATES).open("ab") as file:
            file.write(states[list(rows)].astype(np.float64).tobytes())
    return CachedEpisode(
        path=str(episode.path.resolve()),
        first=first,
        count=len(rows),
        video_bytes=episode.video_path.stat().st_size,
    )


@torch.no_grad()
def encode_frames(
    encoder: FrameEncoder, frames: NDArray[np.uint8], config: CacheConfig
) -> NDArray[np.int16]:
    """Return LayerNormed tokens (T, crops, N, D) of frames (T, H, W, 3) as 16-bit words.

    Encoded in float32 arithmetic, then rounded to `config.numbers`.
    """
    views = []
    for view in fixed_crops(frames, config.crops):
        parts = np.array_split(view, -(-len(view) // ENCODE_AT_ONCE))
        tokens = torch.cat([layer_normalised(encoder(part)).cpu() for part in parts])
        views.append(tokens.to(FORMATS[config.numbers]))
    words: NDArray[np.int16] = torch.stack(views, dim=1).view(torch.int16).numpy()
    return words

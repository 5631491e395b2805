"""Tokens of every model frame, encoded once by a frozen encoder and kept on disk, memory-mapped.

    tokens.bin      (F, crops, N, D) bfloat16: LayerNormed tokens
    states.bin      (F, 7) float64: metres and radians, roll in (-pi, pi] as in the files
    manifest.json   what they are: see `cache_layout`

The manifest is replaced after the rest is on disk; a killed run goes on after its last entry. A
cache of another encoder is refused: tokens of two encoders have nothing in common. One process
writes at a time, and whoever asks gets a view of the episodes that it named, whatever else is kept.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np
import torch
from numpy.typing import NDArray

from armchair.errors import BadFileError, BadValueError
from armchair.worldmodel.data.episodes import EpisodeHandle
from armchair.worldmodel.encoder import FrameEncoder
from armchair.worldmodel.encoder_files import encoder_hash
from armchair.worldmodel.optimisation import appended
from armchair.worldmodel.statistics import layer_normalised
from armchair.worldmodel.training.cache_layout import (
    MANIFEST,
    CacheConfig,
    CachedEpisode,
    CacheLayout,
    Numbers,
    check_same,
    check_unchanged,
    hash_of_ends,
    read_manifest,
    remake,
    write_manifest,
)
from armchair.worldmodel.training.crops import fixed_crops

TOKENS, STATES = "tokens.bin", "states.bin"
STATE_BYTES = 7 * 8
SAVE_EVERY = 20
"""Episodes between two writings of the manifest."""
ENCODE_AT_ONCE = 32
"""Frames per call of the encoder."""
SQUARES = (0.01, 100.0)
"""Well between these lies the mean square of a LayerNormed token's channels: it is nearly 1."""
FORMATS: dict[Numbers, torch.dtype] = {"bfloat16": torch.bfloat16, "float16": torch.float16}


class TokenCache:
    """Read access to episodes of a cache, whose frames are numbered 0 … F - 1 in their order.

    `states` (F, 7) float64, metres and radians; `episodes` says which frames are whose.
    """

    def __init__(self, folder: Path, paths: Sequence[str] | None = None) -> None:
        """`paths`: resolved folders of episodes in the wanted order; None: all, as they lie there.

        Raises `BadFileError` if a file is shorter than the manifest says.
        """
        self.folder = folder
        self.layout, known = read_manifest(folder)
        frames = sum(episode.count for episode in known)
        shape = (frames, self.layout.crops, self.layout.tokens, self.layout.width)
        for name, width in _widths(self.layout).items():
            appended.check_size(folder / name, frames * width, remake(folder), growing=True)
        self.episodes, self._places = appended.pick(known, paths)
        self._words: NDArray[np.int16] = np.memmap(folder / TOKENS, np.int16, "r", shape=shape)
        states = np.memmap(folder / STATES, np.float64, "r", shape=(frames, 7))
        self.states: NDArray[np.float64] = np.array(states[self._places])

    def __len__(self) -> int:
        return len(self.states)

    def identity(self) -> str:
        """Return 16 letters that tell these episodes' states, in their order, from all others."""
        counts = json.dumps([episode.count for episode in self.episodes])
        return hashlib.sha256(counts.encode() + self.states.tobytes()).hexdigest()[:16]

    def videos(self) -> str:
        """Return 16 letters that tell these episodes' videos, in their order, from all others.

        "" where the cache is too old to know.
        """
        ends = [episode.video_ends or "" for episode in self.episodes]
        return hashlib.sha256("".join(ends).encode()).hexdigest()[:16] if all(ends) else ""

    def read(self, frames: NDArray[np.int64], crop: int = 0) -> torch.Tensor:
        """Return LayerNormed tokens (..., N, D) float32 of frame indices (...).

        Raises `BadFileError` for tokens that are none, as a damaged disk leaves.
        """
        picked = self._words[self._places[frames.reshape(-1)], crop]
        numbers = torch.from_numpy(picked).view(FORMATS[self.layout.numbers]).float()
        squares = numbers.square().mean(2)
        sound = ((squares > SQUARES[0]) & (squares < SQUARES[1])).all(1)
        if not sound.all():
            self._refuse(frames.reshape(-1)[~sound.numpy()][0])
        return numbers.reshape(*frames.shape, *picked.shape[1:])

    def _refuse(self, frame: np.int64) -> NoReturn:
        """Raise `BadFileError` for a frame whose numbers are no tokens."""
        firsts = [episode.first for episode in self.episodes]
        episode = self.episodes[bisect_right(firsts, frame) - 1]
        found = f"the numbers of frame {frame - episode.first} of {episode.path} are damaged"
        raise BadFileError(self.folder / TOKENS, found, remake(self.folder))


def update_cache(
    folder: Path,
    episodes: Iterable[EpisodeHandle],
    encoder: FrameEncoder,
    config: CacheConfig,
    on_episode: Callable[[int, int], None] = lambda done, total: None,
    say: Callable[[str], None] = lambda line: None,
) -> TokenCache:
    """Encode the episodes that the cache lacks and return a view of those given, in their order.

    Raises `BadFileError` for a damaged episode, one whose video or states are not the cached ones,
    or a cache of another encoder or config; whatever was complete before stays.
    `on_episode(done, total)` is called after each; `say` hears if another process has to finish
    first.
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
    asked = {str(episode.path.resolve()): episode for episode in episodes}
    with appended.one_writer(folder, say):
        known = _known(folder, wanted)
        have = {episode.path: episode for episode in known}
        first = sum(episode.count for episode in known)
        for name, width in _widths(wanted).items():
            appended.cut(folder / name, first * width, remake(folder))
        for path in asked.keys() & have.keys():
            check_unchanged(folder, have[path], asked[path])
            _check_states(folder, have[path], asked[path], config.row_stride)
        fresh = [episode for path, episode in asked.items() if path not in have]
        try:
            for done, episode in enumerate(fresh, 1):
                known.append(_append(folder, episode, encoder, config, first))
                first += known[-1].count
                if done % SAVE_EVERY == 0:
                    write_manifest(folder, wanted, known)
                on_episode(done, len(fresh))
        finally:  # what is complete stays when an episode is damaged
            if fresh and known:
                write_manifest(folder, wanted, known)
        for name, width in _widths(wanted).items():
            appended.check_size(folder / name, first * width, remake(folder))
        return TokenCache(folder, list(asked))


def _widths(layout: CacheLayout) -> dict[str, int]:
    """Return the bytes of a frame in each file."""
    return {TOKENS: layout.frame_bytes, STATES: STATE_BYTES}


def _check_states(folder: Path, known: CachedEpisode, episode: EpisodeHandle, stride: int) -> None:
    """Raise `BadFileError` if an episode's states are not those that were cached."""
    with (folder / STATES).open("rb") as file:
        file.seek(known.first * STATE_BYTES)
        cached = file.read(known.count * STATE_BYTES)
    if cached != episode.states()[::stride].astype(np.float64).tobytes():
        found = f"its states of {episode.path} are not those that the episode has now"
        raise BadFileError(folder, found, remake(folder))


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
    words = encode_frames(encoder, np.stack(frames), config, episode.path)
    appended.append(folder / TOKENS, words.tobytes())
    appended.append(folder / STATES, states[list(rows)].astype(np.float64).tobytes())
    return CachedEpisode(
        path=str(episode.path.resolve()),
        first=first,
        count=len(rows),
        video_bytes=episode.video_path.stat().st_size,
        video_ends=hash_of_ends(episode.video_path),
    )


@torch.no_grad()
def encode_frames(
    encoder: FrameEncoder, frames: NDArray[np.uint8], config: CacheConfig, source: Path
) -> NDArray[np.int16]:
    """Return LayerNormed tokens (T, crops, N, D) of frames (T, H, W, 3) as 16-bit words.

    Encoded in float32 arithmetic, then rounded to `config.numbers`. Raises `BadValueError`, which
    names `source`, for tokens that are not finite.
    """
    views = []
    for view in fixed_crops(frames, config.crops):
        parts = np.array_split(view, -(-len(view) // ENCODE_AT_ONCE))
        tokens = torch.cat([layer_normalised(encoder(part)).cpu() for part in parts])
        views.append(tokens.to(FORMATS[config.numbers]))
        if not views[-1].isfinite().all():
            raise BadValueError(
                f"{source}: the encoder {encoder_hash(encoder)[:12]} makes tokens of it that are "
                f"not finite in {config.numbers}. Its weights are damaged: give another."
            )
    words: NDArray[np.int16] = torch.stack(views, dim=1).view(torch.int16).numpy()
    return words

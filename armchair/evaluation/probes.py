"""What is in the tokens: probes fitted on some episodes, tested on others (`inspect --model`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from armchair.errors import BadValueError
from armchair.evaluation.probe_fits import attentive, ridge
from armchair.evaluation.probe_labels import TARGETS, Array, read_labels
from armchair.worldmodel.data.episodes import EpisodeHandle
from armchair.worldmodel.encoder import FrameEncoder
from armchair.worldmodel.statistics import layer_normalised

TEST_EVERY, CHOICE_EVERY = 4, 5
"""Every fourth episode is tested on; of the others every fifth chooses the ridge penalty."""
MIN_EPISODES = 8
MAX_FRAMES, MAX_SMALL_FRAMES = 4_000, 40_000
"""Read of a folder at most, and where a frame's tokens are at most `SMALL` numbers."""
SMALL = 10_000
ENCODE_AT_ONCE = 32


@dataclass(frozen=True, kw_only=True)
class ProbeScore:
    """Mean errors on held-out episodes, in `unit`."""

    unit: str
    mean: float
    """Of always predicting the mean of the training episodes (or their commoner answer)."""
    ridge: float
    train_frames: int
    test_frames: int
    attentive: float | None = None
    """None if it was left out."""


class ProbeData(NamedTuple):
    """Tokens and labels of frames; `labels` hold nan where nothing is known."""

    tokens: Tensor
    """(F, N, D), LayerNormed, in bfloat16."""
    episode: NDArray[np.int64]
    """(F,), its number."""
    labels: dict[str, Array]
    """By target, (F, width)."""
    test: NDArray[np.bool_]
    """(F,), whether the frame is tested on; the others are fitted on."""
    grid: tuple[int, int]
    """Tokens down and across a frame."""


def probe(
    encoder: FrameEncoder,
    episodes: Sequence[EpisodeHandle],
    stride: int = 8,
    seed: int = 0,
    fit: Sequence[EpisodeHandle] = (),
    *,
    with_attentive: bool = True,
) -> tuple[dict[str, ProbeScore], dict[str, str]]:
    """Return the score of every target that there are labels of; and why others have none.

    Every `stride`-th row is read, fewer where that were more than `MAX_FRAMES`. Probes are fitted
    on the episodes `fit` and tested on `episodes`; without `fit`, every fourth of `episodes` is
    tested on. Raises `BadValueError` for too few episodes.
    """
    data = gather(encoder, episodes, stride)
    if fit:
        data = _joined(gather(encoder, fit, stride), data)
    return score(data, seed, with_attentive=with_attentive)


def score(
    data: ProbeData,
    seed: int,
    names: Sequence[str] = tuple(TARGETS),
    *,
    with_attentive: bool = True,
) -> tuple[dict[str, ProbeScore], dict[str, str]]:
    """Return what `probe` does, of tokens and labels."""
    missing: dict[str, str] = {}
    alike: dict[bytes, list[str]] = {}
    for name in names:
        try:
            alike.setdefault(_known(data, name).tobytes(), []).append(name)
        except BadValueError as reason:
            missing[name] = str(reason)
    found = (_score_alike(data, group, seed, with_attentive) for group in alike.values())
    scores = {name: one for group in found for name, one in group}
    return {name: scores[name] for name in names if name in scores}, missing


def gather(encoder: FrameEncoder, episodes: Sequence[EpisodeHandle], stride: int) -> ProbeData:
    """Return tokens and labels of every `stride`-th row of the episodes."""
    size = encoder.config.tokens_per_frame * encoder.config.width
    most = MAX_SMALL_FRAMES if size <= SMALL else MAX_FRAMES
    tokens, known = [], []
    for frames, labels in labelled_frames(episodes, stride, most):
        tokens.append(encode(encoder, frames).bfloat16())
        known.append(labels)
    owner = np.repeat(np.arange(len(tokens)), [len(part) for part in tokens])
    test = owner % TEST_EVERY == TEST_EVERY - 1
    return ProbeData(torch.cat(tokens), owner, columns(known), test, encoder.config.grid)


def _joined(fit: ProbeData, tested: ProbeData) -> ProbeData:
    """Return both, the first to fit on and the second to test on."""
    sizes = [len(part.tokens) for part in (fit, tested)]
    numbered = tested.episode + fit.episode.max() + 1
    return ProbeData(
        torch.cat([fit.tokens, tested.tokens]),
        np.concatenate([fit.episode, numbered]),
        columns([fit.labels, tested.labels]),
        np.repeat([False, True], sizes),
        tested.grid,
    )


def labelled_frames(
    episodes: Sequence[EpisodeHandle], stride: int, most: int
) -> Iterator[tuple[NDArray[np.uint8], dict[str, Array]]]:
    """Yield frames (F, H, W, 3) and labels (F, width) by target, episode by episode.

    Every `stride`-th row, or fewer, so that there are about `most` in all. Raises `BadValueError`
    for too few episodes.
    """
    if len(episodes) < MIN_EPISODES:
        where = f", from {episodes[0].path} on," if episodes else ""
        raise BadValueError(
            f"{len(episodes)} episodes{where} are too few for a probe; give {MIN_EPISODES} or more."
        )
    rows = sum(len(episode) for episode in episodes)
    stride = max(stride, -(-rows // most))
    for episode in episodes:
        chosen, frames = zip(*episode.iter_frames(stride), strict=True)
        known = {name: values[list(chosen)] for name, values in read_labels(episode).items()}
        yield np.stack(frames), known


def columns(parts: Sequence[dict[str, Array]]) -> dict[str, Array]:
    """Return labels (F, width) by target of all episodes together, nan where one has none."""
    counts = [len(next(iter(part.values()))) for part in parts]
    return {
        name: np.concatenate(
            [
                part.get(name, np.full((count, TARGETS[name].width), np.nan))
                for part, count in zip(parts, counts, strict=True)
            ]
        )
        for name in {name for part in parts for name in part}
    }


@torch.no_grad()
def encode(encoder: FrameEncoder, frames: NDArray[np.uint8]) -> Tensor:
    """Return LayerNormed tokens (T, N, D), on the CPU, of frames (T, H, W, 3), each by itself."""
    chunks = np.array_split(frames, -(-len(frames) // ENCODE_AT_ONCE))
    return torch.cat([layer_normalised(encoder(chunk)).cpu() for chunk in chunks])


@torch.no_grad()
def encode_pixels(encoder: FrameEncoder, pixels: Tensor) -> Tensor:
    """Return what `encode` does, of preprocessed frames (T, 3, h, w)."""
    device = next(encoder.parameters()).device
    chunks = pixels.tensor_split(-(-len(pixels) // ENCODE_AT_ONCE))
    stills = (encoder.encode_stills(chunk.to(device)) for chunk in chunks)
    return torch.cat([layer_normalised(tokens).cpu() for tokens in stills])


def _known(data: ProbeData, name: str) -> NDArray[np.bool_]:
    """Return of which frames (F,) a target is known; raises `BadValueError` where its labels do not
    allow a probe."""
    if name not in data.labels:
        raise BadValueError("no episode has its labels")
    labels = data.labels[name]
    known: NDArray[np.bool_] = np.isfinite(labels).all(axis=1)
    train = known & ~data.test
    chosen_on = _chosen_on(data)[train]
    if not (known & data.test).any() or chosen_on.all() or not chosen_on.any():
        raise BadValueError("too few episodes have its labels")
    if np.ptp(labels[train], axis=0).max() == 0:
        raise BadValueError("it is the same in every frame")
    return known


def _chosen_on(data: ProbeData) -> NDArray[np.bool_]:
    chosen: NDArray[np.bool_] = data.episode // TEST_EVERY % CHOICE_EVERY == 0
    return chosen


def _score_alike(
    data: ProbeData, names: Sequence[str], seed: int, with_attentive: bool
) -> Iterator[tuple[str, ProbeScore]]:
    """Yield the scores of targets that are known of the same frames."""
    known = _known(data, names[0])
    test, train = known & data.test, known & ~data.test
    x, y = data.tokens[torch.from_numpy(train)], data.tokens[torch.from_numpy(test)]
    chosen_on = _chosen_on(data)[train]
    linear = ridge(x, {name: data.labels[name][train] for name in names}, chosen_on, y)
    for name in names:
        target, wanted, truth = TARGETS[name], data.labels[name][train], data.labels[name][test]
        guesses = {
            "mean": np.broadcast_to(wanted.mean(0), truth.shape),
            "ridge": linear[name],
        }
        if with_attentive:
            guesses["attentive"] = attentive(x, wanted, chosen_on, y, data.grid, seed)
        errors = {kind: float(target.error(of, truth).mean()) for kind, of in guesses.items()}
        yield (
            name,
            ProbeScore(
                unit=target.unit, train_frames=len(wanted), test_frames=len(truth), **errors
            ),
        )

"""What is in the tokens: probes fitted on some episodes, tested on others (`inspect --model`)."""

from __future__ import annotations

from collections.abc import Sequence
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
MAX_FRAMES = 4000
"""In all; the kernel of the ridge regression is this squared."""
ENCODE_AT_ONCE = 32


@dataclass(frozen=True, kw_only=True)
class ProbeScore:
    """Mean errors on held-out episodes, in `unit`."""

    unit: str
    mean: float
    """Of always predicting the mean of the training episodes (or their commoner answer)."""
    ridge: float
    attentive: float
    train_frames: int
    test_frames: int


class ProbeData(NamedTuple):
    """LayerNormed tokens (F, N, D), episode of each frame (F,), labels (F, width), nan: unknown."""

    tokens: Tensor
    episode: NDArray[np.int64]
    labels: dict[str, Array]


def probe(
    encoder: FrameEncoder, episodes: Sequence[EpisodeHandle], stride: int = 8, seed: int = 0
) -> dict[str, ProbeScore]:
    """Return the scores of every target that the episodes have labels of.

    Every `stride`-th row is read, fewer where that were more than `MAX_FRAMES`. Raises
    `BadValueError` for too few episodes.
    """
    data = gather(encoder, episodes, stride)
    return {
        name: score
        for name in TARGETS
        if name in data.labels and (score := probe_one(data, name, seed)) is not None
    }


def gather(encoder: FrameEncoder, episodes: Sequence[EpisodeHandle], stride: int) -> ProbeData:
    """Return tokens and labels of every `stride`-th row of the episodes."""
    frames, owner, labels = gather_frames(episodes, stride, MAX_FRAMES)
    return ProbeData(encode(encoder, frames), owner, labels)


def gather_frames(
    episodes: Sequence[EpisodeHandle], stride: int, most: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64], dict[str, Array]]:
    """Return frames (F, H, W, 3), the episode of each (F,) and labels (F, width) by target.

    Every `stride`-th row, or fewer, so that there are about `most` in all. Raises `BadValueError`
    for too few episodes.
    """
    if len(episodes) < MIN_EPISODES:
        raise BadValueError(
            f"{len(episodes)} episodes are too few to probe on held-out ones; give at least "
            f"{MIN_EPISODES}."
        )
    rows = sum(len(episode) for episode in episodes)
    stride = max(stride, -(-rows // most))
    pictures, owner, labels = [], [], []
    for number, episode in enumerate(episodes):
        chosen, frames = zip(*episode.iter_frames(stride), strict=True)
        pictures.append(np.stack(frames))
        known = read_labels(episode)
        labels.append({name: values[list(chosen)] for name, values in known.items()})
        owner.append(np.full(len(chosen), number))
    names = {name for known in labels for name in known}
    columns = {
        name: np.concatenate(
            [
                known.get(name, np.full((len(part), TARGETS[name].width), np.nan))
                for known, part in zip(labels, owner, strict=True)
            ]
        )
        for name in names
    }
    return np.concatenate(pictures), np.concatenate(owner), columns


@torch.no_grad()
def encode(encoder: FrameEncoder, frames: NDArray[np.uint8]) -> Tensor:
    """Return LayerNormed tokens (T, N, D) of frames (T, H, W, 3), each encoded alone."""
    chunks = np.array_split(frames, -(-len(frames) // ENCODE_AT_ONCE))
    return torch.cat([layer_normalised(encoder(chunk)) for chunk in chunks])


def probe_one(data: ProbeData, name: str, seed: int) -> ProbeScore | None:
    """Return the score of one target; None where its labels never vary, or too few are known."""
    target, labels = TARGETS[name], data.labels[name]
    known = np.isfinite(labels).all(axis=1)
    test = known & (data.episode % TEST_EVERY == TEST_EVERY - 1)
    train = known & ~test & (data.episode % TEST_EVERY != TEST_EVERY - 1)
    chosen_on = (data.episode[train] // TEST_EVERY % CHOICE_EVERY) == 0
    if not test.any() or chosen_on.all() or not chosen_on.any() or np.ptp(labels[train]) == 0:
        return None
    wanted, truth = labels[train], labels[test]
    x, y = data.tokens[torch.from_numpy(train)], data.tokens[torch.from_numpy(test)]
    guesses = {
        "mean": np.broadcast_to(wanted.mean(0), truth.shape),
        "ridge": ridge(x, wanted, chosen_on, y),
        "attentive": attentive(x, wanted, chosen_on, y, seed),
    }
    errors = {kind: float(target.error(guess, truth).mean()) for kind, guess in guesses.items()}
    return ProbeScore(unit=target.unit, train_frames=len(wanted), test_frames=len(truth), **errors)

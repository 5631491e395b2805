"""Watches an encoder while it is pre-trained: does it see where the flange and the object are?

It reads labels, which pre-training never does, and only looks: weights are the same without it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from armchair.evaluation.probe_fits import ridge
from armchair.evaluation.probe_labels import TARGETS
from armchair.evaluation.probes import TEST_EVERY, columns, encode, labelled_frames
from armchair.worldmodel.data.episodes import EpisodeHandle
from armchair.worldmodel.encoder import FrameEncoder

WATCHED = ("flange position", "object position")
MAX_FRAMES, MAX_EPISODES = 600, 60
"""Few, so that a look takes seconds."""


class EncoderWatch:
    """Call it with an encoder: ridge regression errors on held-out episodes, in centimetres."""

    def __init__(self, episodes: Sequence[EpisodeHandle]) -> None:
        some = episodes[:: -(-len(episodes) // MAX_EPISODES)]
        read = labelled_frames(some, stride=8, most=MAX_FRAMES)
        frames, known = zip(*read, strict=True)
        self.frames, labels = np.concatenate(frames), columns(known)
        self.owner = np.repeat(np.arange(len(frames)), [len(part) for part in frames])
        self.labels = {name: labels[name] for name in WATCHED if name in labels}

    def __call__(self, encoder: FrameEncoder) -> dict[str, float]:
        """Return `watch/<target>_cm`, and the same for always predicting the mean.

        Frames without a label are left out, and a target without enough of them.
        """
        tokens, values = encode(encoder, self.frames), {}
        test = self.owner % TEST_EVERY == TEST_EVERY - 1
        choose = self.owner // TEST_EVERY % 2 == 0
        for name, labels in self.labels.items():
            known = np.isfinite(labels).all(axis=1)
            fit, held = known & ~test, known & test
            if not (held.any() and (fit & choose).any() and (fit & ~choose).any()):
                continue
            error, key = TARGETS[name].error, f"watch/{name.replace(' ', '_')}"
            x, y = (tokens[torch.from_numpy(part)] for part in (fit, held))
            guess = ridge(x, {name: labels[fit]}, choose[fit], y)[name]
            mean = np.broadcast_to(labels[fit].mean(0), labels[held].shape)
            values[f"{key}_cm"] = float(error(guess, labels[held]).mean())
            values[f"{key}_mean_cm"] = float(error(mean, labels[held]).mean())
        return values

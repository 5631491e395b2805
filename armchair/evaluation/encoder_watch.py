"""Watches an encoder while it is pre-trained: does it see where the flange and the object are?

It reads labels, which pre-training never does, and only looks: weights are the same without it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from armchair.evaluation.probe_fits import ridge
from armchair.evaluation.probe_labels import TARGETS
from armchair.evaluation.probes import TEST_EVERY, columns, encode_pixels, labelled_frames
from armchair.worldmodel.data.episodes import EpisodeHandle
from armchair.worldmodel.encoder import FrameEncoder
from armchair.worldmodel.pixels import preprocess

WATCHED = ("flange position", "object position")
MAX_FRAMES, MAX_EPISODES = 600, 60
"""Few, so that a look takes seconds."""


class EncoderWatch:
    """Call it with an encoder of `image_shape` (height and width of its input in pixels): ridge
    regression errors on held-out episodes, in centimetres.
    """

    def __init__(self, episodes: Sequence[EpisodeHandle], image_shape: tuple[int, int]) -> None:
        some = episodes[:: -(-len(episodes) // MAX_EPISODES)]
        pixels, known, counts = [], [], []
        for frames, labels_of in labelled_frames(some, stride=8, most=MAX_FRAMES):
            pixels += [preprocess(frame[None], image_shape) for frame in frames]
            known.append(labels_of)
            counts.append(len(frames))
        self.pixels, labels = torch.cat(pixels), columns(known)
        self.owner = np.repeat(np.arange(len(counts)), counts)
        self.labels = {name: labels[name] for name in WATCHED if name in labels}

    def __call__(self, encoder: FrameEncoder) -> dict[str, float]:
        """Return `watch/<target>_cm`, and the same for always predicting the mean.

        Frames without a label are left out, and a target without enough of them or whose labels
        are all the same.
        """
        tokens, values = encode_pixels(encoder, self.pixels), {}
        test = self.owner % TEST_EVERY == TEST_EVERY - 1
        choose = self.owner // TEST_EVERY % 2 == 0
        for name, labels in self.labels.items():
            known = np.isfinite(labels).all(axis=1)
            fit, held = known & ~test, known & test
            if not (held.any() and (fit & choose).any() and (fit & ~choose).any()):
                continue
            if np.ptp(labels[fit], axis=0).max() == 0:
                continue
            error, key = TARGETS[name].error, f"watch/{name.replace(' ', '_')}"
            x, y = (tokens[torch.from_numpy(part)] for part in (fit, held))
            guess = ridge(x, {name: labels[fit]}, choose[fit], y)[name]
            mean = np.broadcast_to(labels[fit].mean(0), labels[held].shape)
            values[f"{key}_cm"] = float(error(guess, labels[held]).mean())
            values[f"{key}_mean_cm"] = float(error(mean, labels[held]).mean())
        return values

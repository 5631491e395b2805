"""Measures, on the training cache, what one unit of a latent, a state and an action shall mean."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from armchair.poses import roll_to_sandbox
from armchair.worldmodel.statistics import InputScaling, LatentStatistics
from armchair.worldmodel.training.clips import ClipSampler
from armchair.worldmodel.training.token_cache import TokenCache

EPISODES_MEASURED = 200
"""Enough for statistics per channel; they are spread evenly over the cache."""
MODEL_FRAME_ROWS = 4
"""Changes are measured over whole model frames, whatever the cache's stride."""
CLIPS_MEASURED = 2048
STATE_FLOOR = torch.tensor([0.03, 0.03, 0.03, 0.1, 0.1, 0.1, 0.2])
ACTION_FLOOR = torch.tensor([0.02, 0.02, 0.02, 0.05, 0.05, 0.05, 0.1])
"""Smallest units (m, rad, 1): an axis that hardly moved in training must not become loud."""


def measure_latents(cache: TokenCache) -> LatentStatistics:
    """Return per-channel mean and scales of the cached tokens and of their change."""
    return LatentStatistics.measure(_episodes(cache))


def _episodes(cache: TokenCache) -> Iterator[Tensor]:
    stride = max(MODEL_FRAME_ROWS // cache.layout.row_stride, 1)
    every = -(-len(cache.episodes) // EPISODES_MEASURED)
    for episode in cache.episodes[::every]:
        yield cache.read(np.arange(episode.first, episode.first + episode.count, stride))


def measure_inputs(cache: TokenCache, sampler: ClipSampler, seed: int) -> InputScaling:
    """Return the scaling of states (all of them) and of actions (root mean square over clips)."""
    states = torch.from_numpy(roll_to_sandbox(cache.states)).float()
    frames = sampler.sample_frames(torch.Generator().manual_seed(seed), CLIPS_MEASURED)
    actions = sampler.actions(frames)
    return InputScaling(
        state_mean=states.mean(0),
        state_scale=torch.maximum(states.std(0), STATE_FLOOR),
        action_scale=torch.maximum(actions.square().mean((0, 1)).sqrt(), ACTION_FLOOR),
    )

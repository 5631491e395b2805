"""Where a training step's time goes, with the token cache and without it."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from armchair.bench.measurement import BENCHMARKS, BenchSetting, Measurement, seconds_of
from armchair.recipes import sandbox
from armchair.sim.collect import CollectConfig, make_episode
from armchair.worldmodel.data.episodes import DroidEpisodes
from armchair.worldmodel.data.frame_store import StoreConfig, update_store
from armchair.worldmodel.losses import ac_losses
from armchair.worldmodel.model import WorldModel
from armchair.worldmodel.optimisation.adamw import Optimiser
from armchair.worldmodel.precision import autocast
from armchair.worldmodel.training.cache_layout import CacheConfig
from armchair.worldmodel.training.clips import Clips, ClipSampler
from armchair.worldmodel.training.token_cache import update_cache

BATCH = 16
"""Clips of the sandbox recipe in the step that is timed."""


@BENCHMARKS.add("train")
def train(setting: BenchSetting) -> Measurement:
    """Take whole training steps from the token cache, against their forward and backward alone.

    The figures say what else a step would cost without the cache: frames out of the frame store
    (our best loader) and through the encoder.
    """
    model, recipe = copy.deepcopy(setting.model), sandbox.train()
    model.predictor.requires_grad_(True)
    with tempfile.TemporaryDirectory() as folder:
        make_episode(CollectConfig(rows=max(setting.rows, 60)), Path(folder, "raw"), 0)
        episodes = DroidEpisodes(Path(folder, "raw"))
        cache = update_cache(Path(folder, "tokens"), episodes, model.encoder, CacheConfig())
        videos = [handle.video_path.resolve() for handle in episodes]
        store = update_store(Path(folder, "frames"), videos, StoreConfig())
        sampler = ClipSampler(cache, recipe.clips, sandbox_roll=model.sandbox)
        generator = torch.Generator().manual_seed(0)
        index = sampler.sample_frames(generator, BATCH)
        clips, optimiser = sampler.read(index), Optimiser([model.predictor], recipe.optimiser)
        frames = np.asarray(store.frames[index.reshape(-1)])

        def load() -> Clips:
            return sampler.sample(generator, BATCH)

        def whole() -> None:
            learn(model, optimiser, load())

        times = {
            "load from the cache": seconds_of(load, setting.repeats),
            "load frames": seconds_of(
                lambda: np.array(store.frames[index.reshape(-1)]), setting.repeats
            ),
            "encode frames": seconds_of(lambda: encode(model, frames), setting.repeats),
            "predictor": seconds_of(lambda: learn(model, optimiser, clips), setting.repeats),
            "whole step": seconds_of(whole, setting.repeats),
        }
    return Measurement(
        what=f"step of {BATCH} clips of {recipe.clips.frames} frames from the token cache",
        seconds=times["whole step"],
        against="its forward, backward and optimiser alone",
        reference_seconds=times["predictor"],
        figures=shares(times),
    )


def shares(times: dict[str, float]) -> dict[str, float]:
    """Return the times in seconds, and the predictor's share of a step with and without cache."""
    predictor = times["predictor"]
    cached = predictor + times["load from the cache"]
    uncached = predictor + times["load frames"] + times["encode frames"]
    return {
        **{f"{name}, s": seconds for name, seconds in times.items()},
        "predictor's share with the cache": predictor / cached,
        "predictor's share without it": predictor / uncached,
    }


def learn(model: WorldModel, optimiser: Optimiser, clips: Clips) -> None:
    """Take one step of AC training at a rate of zero, so that steps stay alike."""
    tokens, states, actions = (part.to(model.device) for part in clips)
    with autocast(model.device):
        losses = ac_losses(model, model.latents_of(tokens), states, actions)
    optimiser.step(losses.total, 0.0)


@torch.no_grad()
def encode(model: WorldModel, frames: NDArray[np.uint8]) -> None:
    """Encode frames as training without a cache would."""
    with autocast(model.device):
        model.encoder(frames)

"""Where a training step's time goes, with the token cache and without it."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from armchair.bench.measurement import BENCHMARKS, BenchSetting, Measurement, timed
from armchair.recipes import sandbox
from armchair.sim.collect import CollectConfig, make_episode
from armchair.worldmodel.data.episodes import DroidEpisodes, EpisodeHandle
from armchair.worldmodel.data.frame_store import FrameStore, StoreConfig, update_store
from armchair.worldmodel.losses import ac_losses
from armchair.worldmodel.model import WorldModel
from armchair.worldmodel.optimisation.loop import Moment
from armchair.worldmodel.precision import autocast
from armchair.worldmodel.training.cache_layout import CacheConfig
from armchair.worldmodel.training.clips import ClipSampler
from armchair.worldmodel.training.learner import TrainLearner
from armchair.worldmodel.training.token_cache import update_cache

BATCH = 16
"""Clips of the sandbox recipe in the step that is timed."""


@BENCHMARKS.add("train")
def train(setting: BenchSetting) -> Measurement:
    """Take whole training steps from the token cache, against their forward and backward alone.

    The figures, in processor seconds where a step runs on a CPU, say what goes where, and what a
    step would cost without the cache: frames out of the MP4 files or out of the frame store (our
    best loader), and through the encoder.
    """
    with tempfile.TemporaryDirectory() as folder:
        make_episode(CollectConfig(rows=max(setting.rows, 60)), Path(folder, "raw"), 0)
        bench = prepare(setting.model, Path(folder))
        found = {name: timed(part, setting.repeats) for name, part in parts(bench).items()}
    busy = bench.model.device.type == "cpu"
    figures = shares({name: t.processor if busy else t.clock for name, t in found.items()})
    return Measurement(
        what=f"step of {BATCH} clips of {bench.frames_per_clip} frames from the token cache",
        seconds=found["whole step"].clock,
        against="the predictor's forward and backward alone",
        reference_seconds=found["predictor"].clock,
        figures=figures,
    )


@dataclass(frozen=True)
class TrainBench:
    """One episode as videos, frame store and token cache, and a learner on it."""

    model: WorldModel
    learner: TrainLearner
    sampler: ClipSampler
    store: FrameStore
    episode: EpisodeHandle
    index: NDArray[np.int64]
    """Cached frames (BATCH, T) of one batch; the same in the store, as there is one episode."""

    @property
    def frames_per_clip(self) -> int:
        """T."""
        return self.index.shape[1]


def prepare(model: WorldModel, folder: Path) -> TrainBench:
    """Encode the episode in `folder`/raw and make a learner whose batches have `BATCH` clips."""
    model = copy.deepcopy(model)
    model.predictor.requires_grad_(True)
    recipe = sandbox.train()
    recipe = replace(recipe, clips=replace(recipe.clips, batch=BATCH))
    episodes = DroidEpisodes(folder / "raw")
    cache = update_cache(folder / "tokens", episodes, model.encoder, CacheConfig())
    videos = [handle.video_path.resolve() for handle in episodes]
    sampler = ClipSampler(cache, recipe.clips, sandbox_roll=model.sandbox)
    return TrainBench(
        model=model,
        learner=TrainLearner(recipe, model, sampler, None, 0),
        sampler=sampler,
        store=update_store(folder / "frames", videos, StoreConfig()),
        episode=episodes[0],
        index=sampler.sample_frames(torch.Generator().manual_seed(0), BATCH),
    )


def parts(bench: TrainBench) -> dict[str, Callable[[], object]]:
    """Return what is timed, by name."""
    moment = Moment(step=0, rate=0.0, expected_steps=100.0, wants_metrics=False)
    generator = torch.Generator().manual_seed(0)
    frames = np.asarray(bench.store.frames[bench.index.reshape(-1)])
    rows = bench.index * bench.sampler.cache.layout.row_stride
    read = bench.sampler.read(bench.index)
    tokens, states, actions = (part.to(bench.model.device) for part in read)
    latents = bench.model.latents_of(tokens)

    def predict() -> None:
        with autocast(bench.model.device):
            losses = ac_losses(bench.model, latents, states, actions)
        losses.total.backward()
        bench.model.predictor.zero_grad(set_to_none=True)

    return {
        "decode": lambda: [bench.episode.frames(clip.tolist()) for clip in rows],
        "load frames": lambda: np.array(bench.store.frames[bench.index.reshape(-1)]),
        "encode": lambda: encode(bench.model, frames),
        "load tokens": lambda: bench.sampler.sample(generator, BATCH),
        "predictor": predict,
        "whole step": lambda: bench.learner.update(moment),
    }


def shares(times: dict[str, float]) -> dict[str, float]:
    """Return the times in seconds, and the share of a step that is the predictor's own.

    With the cache it is measured; without it, tokens are replaced by frames and the encoder.
    """
    predictor, step = times["predictor"], times["whole step"]
    uncached = step - times["load tokens"] + times["encode"]
    return {
        **{f"{name}, s": seconds for name, seconds in times.items()},
        "predictor's share with the cache": predictor / step,
        "without it, frames out of the store": predictor / (uncached + times["load frames"]),
        "without it, frames out of MP4 files": predictor / (uncached + times["decode"]),
    }


@torch.no_grad()
def encode(model: WorldModel, frames: NDArray[np.uint8]) -> None:
    """Encode frames as training without a cache would."""
    with autocast(model.device):
        model.encoder(frames)

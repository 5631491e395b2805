"""Rollout errors by horizon: a model that says "nothing moves" scores exactly as copying does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from armchair.errors import BadValueError
from armchair.worldmodel.data.episodes import DroidEpisodes
from armchair.worldmodel.encoder import FrameEncoder
from armchair.worldmodel.model import WorldModel
from armchair.worldmodel.predictor import ACPredictor, PredictorConfig
from armchair.worldmodel.training.cache_layout import CacheConfig
from armchair.worldmodel.training.horizon import HorizonConfig, moving_clips, rollout_errors
from armchair.worldmodel.training.token_cache import TokenCache, update_cache
from armchair.worldmodel.training.units import measure_latents

CONFIG = HorizonConfig(clips=20, steps=5)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def model(encoder: FrameEncoder, cache: TokenCache) -> WorldModel:
    """Predicts a change of exactly zero."""
    size = PredictorConfig(
        token_width=24, grid=(2, 2), width=24, depth=1, heads=2, zero_init_output=True
    )
    return WorldModel(encoder, ACPredictor(size), statistics=measure_latents(cache)).eval()


def test_nothing_moves(model: WorldModel, cache: TokenCache) -> None:
    found = rollout_errors(model, cache, CONFIG, generator())
    for space in (found.plain, found.units):
        np.testing.assert_allclose(space.ratios, 1.0, rtol=1e-4)
        np.testing.assert_allclose(space.ratios_moving, 1.0, rtol=1e-4)
    assert len(found.plain.model) == 5
    plain = found.plain
    assert all(a > b for a, b in zip(plain.copy_moving, plain.copy, strict=True))


def test_steps_of_more_rows_than_training_takes_by_default(
    model: WorldModel, episodes: Path, encoder: FrameEncoder, tmp_path: Path
) -> None:
    sparse = update_cache(tmp_path, DroidEpisodes(episodes), encoder, CacheConfig(row_stride=29))
    config = HorizonConfig(clips=4, steps=2, step_rows=29, least_motion=0.0)
    found = rollout_errors(model, sparse, config, generator())
    np.testing.assert_allclose(found.plain.ratios, 1.0, rtol=1e-4)


def test_errors_are_of_tokens_and_of_the_models_units(model: WorldModel, cache: TokenCache) -> None:
    frames = moving_clips(model, cache, CONFIG, generator())
    tokens = cache.read(frames)
    by_hand = (tokens[:, 1:] - tokens[:, :1]).abs().mean((0, 2, 3))
    found = rollout_errors(model, cache, CONFIG, generator())
    np.testing.assert_allclose(found.plain.copy, by_hand, rtol=1e-3)
    assert model.statistics is not None
    scaled = (tokens[:, 1:] - tokens[:, :1]).abs() / model.statistics.change_scale
    np.testing.assert_allclose(found.units.copy, scaled.mean((0, 2, 3)), rtol=1e-3)


def test_clips_move_and_stay_in_their_episode(model: WorldModel, cache: TokenCache) -> None:
    frames = moving_clips(model, cache, CONFIG, generator())
    assert (np.diff(frames, axis=1) == 1).all()
    place = cache.states[frames, :3]
    assert (np.linalg.norm(place - place[:, :1], axis=-1).max(1) >= 0.05).all()
    with pytest.raises(BadValueError, match=r"3 rows is no multiple of the 4 .*horizon\.step_rows"):
        moving_clips(model, cache, HorizonConfig(clips=4, step_rows=3), generator())
    with pytest.raises(BadValueError, match=r"no clip of 5 steps moves by 9\.0 m"):
        moving_clips(model, cache, HorizonConfig(clips=4, steps=5, least_motion=9.0), generator())


def test_a_step_is_the_models_own(model: WorldModel, cache: TokenCache) -> None:
    assert CONFIG.rows_of(model) == 4
    model.seconds_per_step = 8 / 15
    frames = moving_clips(model, cache, CONFIG, generator())
    assert (np.diff(frames, axis=1) == 2).all()
    asked = replace(CONFIG, step_rows=4)
    assert (np.diff(moving_clips(model, cache, asked, generator()), axis=1) == 1).all()

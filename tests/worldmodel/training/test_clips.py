"""Clips: gaps, bounds, actions."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from armchair.errors import BadValueError
from armchair.poses import compose
from armchair.worldmodel.training.cache_layout import CachedEpisode
from armchair.worldmodel.training.clips import ClipConfig, ClipSampler
from armchair.worldmodel.training.token_cache import TokenCache


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_gaps_moves_and_episodes_are_kept_to(cache: TokenCache) -> None:
    config = ClipConfig(gap_rows=(4, 16), max_move=0.08)
    frames = ClipSampler(cache, config).sample_frames(generator(), 200)
    gaps = np.diff(frames, axis=1)
    assert set(gaps.flatten()) == {1, 2, 3, 4}
    assert (frames // 15 == frames[:, :1] // 15).all()
    moves = np.abs(np.diff(cache.states[frames, :3], axis=1))
    assert 0.05 < moves.max() <= 0.08


def test_actions_lead_from_state_to_state(cache: TokenCache) -> None:
    clips = ClipSampler(cache, ClipConfig(batch=32)).sample(generator())
    assert clips.tokens.shape == (32, 3, 4, 24)
    assert (clips.states[..., 3] >= 0).all()  # roll as sandbox models see it
    reached = compose(clips.states[:, :-1], clips.actions)
    assert np.abs(reached[..., :3] - clips.states[:, 1:, :3].numpy()).max() < 1e-6
    assert np.abs(reached[..., 6] - clips.states[:, 1:, 6].numpy()).max() < 1e-6


def test_backward_clips(cache: TokenCache) -> None:
    sampler = ClipSampler(cache, ClipConfig(backward_share=1.0))
    assert (np.diff(sampler.sample_frames(generator(), 20), axis=1) < 0).all()


def test_a_share_of_clips_begins_with_the_gripper_at_work(cache: TokenCache) -> None:
    states = cache.states.copy()
    states[::2, 6] += 0.5  # the gripper of every other frame
    cache = copy.copy(cache)
    object.__setattr__(cache, "states", states)
    moving = ClipConfig(gripping_share=0.5, max_move=0.13, gap_rows=(4, 12))
    frames = ClipSampler(cache, moving).sample_frames(generator(), 20)
    change = np.abs(np.diff(states[frames], axis=1)[:10, 0])
    assert (change[:, 6] > 0.1).all()
    assert (change[:, :3] < 0.03).all()
    with pytest.raises(BadValueError, match="gripping_share"):
        ClipConfig(gripping_share=1.5)


def test_a_gripper_that_hardly_ever_works_is_found_all_the_same(cache: TokenCache) -> None:
    states = np.zeros((20_000, 7))
    states[10_000:10_002, 6] = 1.0
    cache = copy.copy(cache)
    object.__setattr__(cache, "states", states)
    one = CachedEpisode(path="long", first=0, count=len(states))
    object.__setattr__(cache, "episodes", [one])
    rare = ClipConfig(gripping_share=0.2, gap_rows=(4, 24))
    frames = ClipSampler(cache, rare).sample_frames(generator(), 10)
    change = np.abs(np.diff(states[frames], axis=1)[:2, 0, 6])
    assert (change == 1.0).all()


def test_impossible_settings(cache: TokenCache) -> None:
    with pytest.raises(BadValueError, match="no multiple of 4 rows"):
        ClipSampler(cache, ClipConfig(gap_rows=(5, 7)))
    with pytest.raises(BadValueError, match="hardly any clip"):
        ClipSampler(cache, ClipConfig(gap_rows=(80, 80))).sample(generator())

"""Pairs for action inference, on invented states whose motion has favourite directions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from armchair.errors import BadValueError
from armchair.worldmodel.training.clips import ClipConfig, ClipSampler
from armchair.worldmodel.training.pairs import PairConfig, choose_pairs, wanted_moves
from armchair.worldmodel.training.token_cache import TokenCache


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture(scope="module")
def actions() -> NDArray[np.float64]:
    """20,000 actions, most of them along +x; one of ten closes or opens the gripper."""
    random = np.random.default_rng(0)
    actions = np.zeros((20_000, 7))
    actions[:, :3] = random.normal([0.05, 0.0, 0.0], 0.05, (20_000, 3))
    actions[:, 6] = np.where(random.random(20_000) < 0.1, random.uniform(-1, 1, 20_000), 0.0)
    actions[::7, 4] = 0.5  # turns
    return actions


def test_moves_are_even_in_direction_and_in_length(actions: NDArray[np.float64]) -> None:
    chosen = choose_pairs(actions, PairConfig(count=800), generator())
    moves = actions[chosen.index, :3]
    length = np.linalg.norm(moves, axis=1)
    assert len(set(chosen.index.tolist())) == 800
    assert length.min() >= 0.02
    assert length.max() <= 0.13
    octants = np.bincount((moves > 0) @ np.array([1, 2, 4]), minlength=8) / 800
    assert octants.min() > 0.08  # 0.125 each if exactly even; of all actions, some have 0.04
    assert octants.max() < 0.18
    assert chosen.lopsided < 0.15
    thirds = np.histogram(length, [0.02, 0.0567, 0.0933, 0.13])[0] / 800
    assert thirds.min() > 0.27
    assert (np.abs(actions[chosen.index, 4]) < 0.1).all()
    plain = actions[np.linalg.norm(actions[:, :3], axis=1) > 0.02, :3]
    assert np.linalg.norm((plain / np.linalg.norm(plain, axis=1)[:, None]).mean(0)) > 0.4


@pytest.mark.parametrize("share", [0.0, 0.5, 0.8])
def test_a_share_changes_the_gripper(actions: NDArray[np.float64], share: float) -> None:
    chosen = choose_pairs(actions, PairConfig(count=100, gripper_share=share), generator())
    assert (np.abs(actions[chosen.index, 6]) > 0.1).sum() == chosen.gripper == round(100 * share)


def test_as_they_come(actions: NDArray[np.float64]) -> None:
    chosen = choose_pairs(actions, PairConfig(count=100, gripper_share=None), generator())
    assert 0 < chosen.gripper < 30


def test_the_same_seed_chooses_the_same(actions: NDArray[np.float64]) -> None:
    one, other = (choose_pairs(actions, PairConfig(count=50), generator()) for _ in range(2))
    assert np.array_equal(one.index, other.index)


def test_too_few_is_one_line(actions: NDArray[np.float64]) -> None:
    still = actions * np.array([1, 1, 1, 1, 1, 1, 0.0])
    with pytest.raises(BadValueError, match=r"0 pairs .* and a gripper change above 0\.1, 250 are"):
        choose_pairs(still, PairConfig(), generator())
    with pytest.raises(BadValueError, match="give more or longer held-out episodes or fewer pairs"):
        choose_pairs(actions[:50], PairConfig(gripper_share=None), generator())
    with pytest.raises(BadValueError, match="gripper_share 2 is not in"):
        PairConfig(gripper_share=2)


def test_wanted_moves_cover_the_sphere() -> None:
    moves = wanted_moves(4000, (0.02, 0.13), generator())
    length = np.linalg.norm(moves, axis=1)
    cosine = moves[:, 2] / length  # uniform on a sphere: uniform in [-1, 1] (Archimedes)
    np.testing.assert_allclose(np.histogram(cosine, 4, (-1, 1))[0] / 4000, 0.25, atol=0.03)
    assert length.mean() == pytest.approx(0.075, abs=2e-3)


def test_candidates_stay_in_their_episode_and_go_forward(cache: TokenCache) -> None:
    sampler = ClipSampler(cache, ClipConfig(frames=2, gap_rows=(4, 24)))
    pairs = sampler.all_pairs()
    gaps = pairs[:, 1] - pairs[:, 0]
    assert set(gaps.tolist()) == {1, 2, 3, 4, 5, 6}
    owner = np.repeat(np.arange(len(cache.episodes)), [e.count for e in cache.episodes])
    assert (owner[pairs[:, 0]] == owner[pairs[:, 1]]).all()
    assert len(pairs) == sum(e.count - gap for e in cache.episodes for gap in range(1, 7))
    moved = cache.states[pairs[5, 1], :3] - cache.states[pairs[5, 0], :3]
    np.testing.assert_allclose(sampler.moves(pairs)[5, :3], moved)

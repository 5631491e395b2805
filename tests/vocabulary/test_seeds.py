"""Seeds of benchmark v1: every role its own scenes, bad numbers refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from armchair.errors import BadValueError, UnknownNameError
from armchair.seeds import episode_seed


def drawn(role: str, seed: int, episode: int) -> float:
    return float(np.random.default_rng(episode_seed(role, seed, episode)).random())


def test_equal_integers_differ_between_roles_seeds_and_episodes() -> None:
    roles = ("train", "validation", "test")
    found = {drawn(role, seed, episode) for role in roles for seed in (0, 1) for episode in (0, 1)}
    assert len(found) == 12
    assert drawn("test", 3, np.int64(4)) == drawn("test", 3, 4)


@pytest.mark.parametrize(("role", "number"), [("train", 0), ("validation", 1), ("test", 2)])
def test_the_number_of_a_role_is_the_benchmarks(role: str, number: int) -> None:
    assert episode_seed(role, 3, 4).entropy == [number, 3, 4]


def test_an_unknown_role_names_the_known() -> None:
    with pytest.raises(UnknownNameError, match="Known: test, train, validation"):
        episode_seed("tset", 0, 0)


@pytest.mark.parametrize("number", [-1, 1.5, "3", None])
def test_only_whole_numbers_from_0_up(number: Any) -> None:
    with pytest.raises(BadValueError, match=r"seed .* whole number"):
        episode_seed("test", number, 0)
    with pytest.raises(BadValueError, match=r"episode .* whole number"):
        episode_seed("test", 0, number)

"""Similarity of pictures has known values; the faithful meshes are as alike as they are said."""

from __future__ import annotations

import numpy as np
import pytest

from armchair.bench.drawing import draw, least
from armchair.bench.similarity import C1, structural_similarity
from armchair.bench.simulation import FAITHFUL_KEEP
from tests.bench.clock import FakeClock


def plain(value: int) -> np.ndarray:
    return np.full((32, 48, 3), value, dtype=np.uint8)


def test_a_picture_is_like_itself() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    assert structural_similarity(picture, picture) == pytest.approx(1.0)


@pytest.mark.parametrize(("first", "second"), [(100, 120), (0, 255), (10, 200)])
def test_plain_pictures_differ_as_the_formula_says(first: int, second: int) -> None:
    """Without structure, only the means count: (2ab + C1) / (a² + b² + C1)."""
    wanted = (2 * first * second + C1) / (first**2 + second**2 + C1)
    assert structural_similarity(plain(first), plain(second)) == pytest.approx(wanted)


def test_more_noise_is_less_alike() -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(60, 200, (32, 48, 3)).astype(float)
    found = [
        structural_similarity(
            picture.astype(np.uint8),
            (picture + rng.normal(0, noise, picture.shape)).clip(0, 255).astype(np.uint8),
        )
        for noise in (2.0, 10.0, 50.0)
    ]
    assert 1.0 > found[0] > found[1] > found[2] > 0.0


def test_least_is_the_least_after_a_warming_run(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, costs = FakeClock(monkeypatch), iter([(0.5, 0.1), (3.0, 2.0), (1.0, 2.5)])
    found = least(lambda: clock.spend(*next(costs)), repeats=2)
    assert (found.clock, found.processor) == (1.0, 2.0)


@pytest.mark.slow
@pytest.mark.parametrize("samples", [0, 4])
def test_faithful_frames_look_like_full_meshes(samples: int) -> None:
    found = draw(FAITHFUL_KEEP, samples, repeats=1)
    assert 0.97 <= found.similarity < 1.0
    assert found.ours.processor < found.reference.processor

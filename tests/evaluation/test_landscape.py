"""The landscape: its grid, its minimum on a model that is right, its numbers."""

from __future__ import annotations

import json

import numpy as np
import pytest

from armchair.errors import BadValueError, UnknownNameError
from armchair.evaluation.landscape import AXES, LandscapeConfig, compute
from armchair.evaluation.pairs import FramePair
from armchair.planners import Observation
from tests.evaluation.fakes import CENTRE, PixelModel, picture_of


def pair(*move: float) -> FramePair:
    before = np.array([*CENTRE, np.pi, 0.0, 0.0, 0.5])
    after = before.copy()
    after[:3] += move
    return FramePair(
        name="fake",
        before=Observation(frame=picture_of(before), state=before),
        after=Observation(frame=picture_of(after), state=after),
    )


def test_minimum_is_at_the_true_action() -> None:
    """0.06 and -0.1 lie on the grid of 21 points over ±0.10 and ±0.13."""
    landscape = compute(PixelModel(), pair(0.06, 0.02, -0.1), LandscapeConfig())
    assert landscape.energies.shape == (21, 21)
    assert np.allclose(landscape.values[0], np.linspace(-0.10, 0.10, 21))
    assert np.allclose(landscape.values[1], np.linspace(-0.13, 0.13, 21))
    assert landscape.minimum_action[0] == pytest.approx(0.06)
    assert landscape.minimum_action[2] == pytest.approx(-0.104)
    assert landscape.offset_m == pytest.approx(0.004, abs=1e-9)
    assert landscape.true_energy == pytest.approx(0.0, abs=1e-6)


def test_energy_is_the_mean_absolute_difference_everywhere() -> None:
    config = LandscapeConfig(axes=("y", "x"), grid=7)
    landscape = compute(PixelModel(), pair(0.06, 0.02, -0.1), config)
    y, x = np.meshgrid(*landscape.values, indexing="ij")
    expected = (np.abs(x - 0.06) + np.abs(y - 0.02)) / 3
    assert np.allclose(landscape.energies, expected, atol=1e-6)


def test_others_at_zero_raise_the_floor_by_what_they_miss() -> None:
    truth, zero = (
        compute(PixelModel(), pair(0.06, 0.03, 0.0), LandscapeConfig(others=others))
        for others in ("true", "zero")
    )
    assert truth.energies.min() == pytest.approx(0.0, abs=1e-6)
    assert zero.energies.min() == pytest.approx(0.03 / 3, abs=1e-6)
    assert zero.minimum_action[1] == 0.0
    assert zero.offset_m == pytest.approx(0.0, abs=1e-6)


def test_rotation_and_gripper_can_be_swept() -> None:
    landscape = compute(PixelModel(), pair(0.05, 0, 0), LandscapeConfig(axes=("yaw", "gripper")))
    assert landscape.offset_m is None
    numbers = landscape.to_dict()
    assert numbers["units"] == ["rad", "closedness"]
    assert numbers["offset_m"] is None
    mixed = compute(PixelModel(), pair(0.05, 0, 0), LandscapeConfig(axes=("x", "yaw"), grid=41))
    assert mixed.offset_m == pytest.approx(0.0, abs=1e-6)


def test_numbers_are_json() -> None:
    numbers = compute(PixelModel(), pair(0.05, 0, 0), LandscapeConfig(grid=3)).to_dict()
    assert json.loads(json.dumps(numbers, allow_nan=False)) == numbers


def test_bad_settings() -> None:
    with pytest.raises(UnknownNameError, match=f"Known: {', '.join(sorted(AXES))}"):
        LandscapeConfig(axes=("x", "w"))
    with pytest.raises(BadValueError, match="x x"):
        LandscapeConfig(axes=("x", "x"))
    with pytest.raises(BadValueError, match="grid is 1"):
        LandscapeConfig(grid=1)

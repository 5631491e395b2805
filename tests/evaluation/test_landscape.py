"""The landscape: its grid, its minimum on a model that is right, its numbers."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from armchair.errors import BadValueError, UnknownNameError
from armchair.evaluation.landscape import AXES, LandscapeConfig, _in_steps, compute
from armchair.evaluation.landscape_figures import convexity, local_minima, shape_figures
from armchair.evaluation.landscape_picture import figure_of
from armchair.evaluation.pairs import FramePair
from armchair.planners import Observation
from armchair.poses import compose, euler_to_matrix
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


def test_a_longer_horizon_takes_the_action_in_equal_steps() -> None:
    one, three = (
        compute(PixelModel(), pair(0.06, 0.02, -0.1), LandscapeConfig(grid=5, horizon=horizon))
        for horizon in (1, 3)
    )
    np.testing.assert_allclose(one.energies, three.energies, atol=1e-6)
    assert three.to_dict()["horizon"] == 3
    with pytest.raises(BadValueError, match="horizon is 0"):
        LandscapeConfig(horizon=0)


def test_steps_of_a_turn_lead_where_the_action_does() -> None:
    class Turning(PixelModel):
        """Imagines the hand's rotation matrix, (3, 3) latents."""

        def rollout(self, *arguments: torch.Tensor) -> torch.Tensor:
            states, candidates = arguments[1], arguments[-1]
            ends = np.repeat(states[-1:].numpy(), len(candidates), axis=0)
            for step in range(candidates.shape[1]):
                ends = compose(ends, candidates[:, step].numpy())
            turned = torch.from_numpy(euler_to_matrix(ends[:, 3:6])).float()
            return turned[:, None].expand(-1, candidates.shape[1], -1, -1)

        def encode(self, frames: torch.Tensor) -> torch.Tensor:
            return torch.eye(3).expand(len(frames), 3, 3)

    moved = pair(0.0, 0.0, 0.0)
    state = compose(moved.before.state, [0.0, 0.0, 0.0, 0.4, 0.3, -0.5, 0.0])
    moved = replace(moved, after=replace(moved.after, state=state))
    one, four = (
        compute(Turning(), moved, LandscapeConfig(axes=("roll", "yaw"), grid=5, horizon=horizon))
        for horizon in (1, 4)
    )
    np.testing.assert_allclose(one.energies, four.energies, atol=1e-6)
    assert one.true_energy == pytest.approx(four.true_energy, abs=1e-6)


def test_the_picture_draws_what_planners_reach_in_all_steps() -> None:
    for horizon, reach in ((1, 0.075), (2, 0.15)):
        landscape = compute(PixelModel(), pair(0.16, 0.0, -0.17), LandscapeConfig(horizon=horizon))
        figure = figure_of(landscape, pair(0.16, 0.0, -0.17), "fake")
        (box,) = figure.axes[0].patches
        assert box.get_bbox().extents == pytest.approx([-reach, -reach, reach, reach])
        assert figure.axes[0].get_xlim()[1] == pytest.approx(0.208, abs=0.015), "as far as the grid"


def test_the_caption_fits_the_picture() -> None:
    landscape = compute(
        PixelModel(), pair(0.16, 0.0, 0.0), LandscapeConfig(axes=("x", "gripper"), horizon=12)
    )
    figure = figure_of(landscape, pair(0.16, 0.0, 0.0), "fake")
    assert all(text.get_window_extent().x1 <= 1100 for text in figure.texts)


def test_figures_tell_a_bowl_from_an_egg_box() -> None:
    x, y = np.meshgrid(np.linspace(-1, 1, 9), np.linspace(-1, 1, 17), indexing="ij")
    axes = x[:, 0], y[0]
    bowl = shape_figures(x**2 + y**2, *axes, np.zeros(2))
    assert (bowl.convexity, bowl.local_minima) == (1.0, 1)
    assert bowl.rank_correlation > 0.95
    hill = shape_figures(-(x**2) - y**2, *axes, np.zeros(2))
    assert hill.convexity == 0.0
    assert hill.local_minima == 4
    assert hill.rank_correlation < -0.95
    box = shape_figures(np.cos(2 * np.pi * x) + np.cos(2 * np.pi * y), *axes, np.zeros(2))
    assert 0.1 < box.convexity < 0.9
    assert box.local_minima == 4


@pytest.mark.parametrize("grid", [17, 41, 101, 201])
def test_valleys_are_as_many_on_every_grid(grid: int) -> None:
    axis = np.linspace(-1, 1, grid)
    x, y = np.meshgrid(axis, axis, indexing="ij")
    box = np.cos(2 * np.pi * x) + np.cos(2 * np.pi * y)
    assert local_minima(box) == 4
    ripples = 0.004 * np.cos(40 * np.pi * x)  # too shallow to hold anything
    assert local_minima(box + ripples) == 4
    assert local_minima(x**2 + y**2 + ripples) == 1


def test_a_flat_landscape_is_called_flat() -> None:
    class Blind(PixelModel):
        def encode(self, frames: torch.Tensor) -> torch.Tensor:
            return super().encode(frames) * 0

        def rollout(self, *arguments: torch.Tensor) -> torch.Tensor:
            return super().rollout(*arguments) * 0 + 1

    landscape = compute(Blind(), pair(0.05, 0.0, 0.03), LandscapeConfig(grid=5))
    found = landscape.figures()
    assert found.pop("flat")
    assert set(found.values()) == {None}
    assert landscape.in_words() == "flat: every action has the same energy"
    texts = figure_of(landscape, pair(0.05, 0.0, 0.03), "blind").texts
    assert "minimum" not in " ".join(text.get_text() for text in texts)


def test_ties_share_their_rank() -> None:
    """Energy that knows x alone: half of what the distance is made of, whatever the order."""
    axis = np.linspace(-1, 1, 9)
    energies = np.repeat(np.abs(axis)[:, None], 9, axis=1)
    by_x = shape_figures(energies, axis, axis, np.zeros(2)).rank_correlation
    by_y = shape_figures(energies.T, axis, axis, np.zeros(2)).rank_correlation
    assert by_x == pytest.approx(by_y, abs=1e-12)
    assert by_x == pytest.approx(
        spearmanr(energies.ravel(), np.hypot(*np.meshgrid(axis, axis)).ravel())[0]
    )


def test_chords_are_counted_by_hand() -> None:
    """Of a 3 x 3 grid eight chords have a middle: four through the centre, and the four edges."""
    energies = np.zeros((3, 3))
    energies[1, 1] = 1.0  # above all four chords through it
    assert convexity(energies) == pytest.approx(1 - 4 / 8)
    assert convexity(np.zeros((2, 2))) == 1.0


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


def test_steps_of_a_translation_are_its_shares() -> None:
    actions = np.array([[0.1, -0.05, 0.07, 0.0, 0.0, 0.0, 0.3]])
    np.testing.assert_array_equal(_in_steps(actions, 4), np.repeat(actions[:, None] / 4, 4, axis=1))
    turned = np.array([[0.1, -0.05, 0.07, 0.4, 0.3, -0.5, 0.3]])
    np.testing.assert_array_equal(_in_steps(turned, 1), turned[:, None])

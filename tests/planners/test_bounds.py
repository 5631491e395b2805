"""Bounds: the box, the true ball, projection and sampling."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from armchair.errors import BadValueError
from armchair.planners import ActionBounds
from armchair.planners.bounds import project_to_l1_ball, project_to_l2_ball


def test_default_is_the_per_axis_box_without_rotation() -> None:
    clipped = ActionBounds().clip(torch.full((7,), 9.0))
    expected = torch.tensor([0.075] * 3 + [0.0] * 3 + [0.75])
    assert torch.allclose(clipped, expected)


def test_ball_limits_the_sum_of_magnitudes() -> None:
    ball = ActionBounds(shape="l1-ball")
    clipped = ball.clip(torch.tensor([0.075, -0.075, 0.01, 0, 0, 0, 0]))
    assert clipped[:3].abs().sum().item() == pytest.approx(0.075)
    assert not ball.contains(torch.tensor([0.05, 0.05, 0, 0, 0, 0, 0]))
    inside = torch.tensor([0.03, -0.03, 0.01, 0, 0, 0, -0.5])
    assert torch.equal(ball.clip(inside), inside)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-1, 1, width=32), min_size=3, max_size=3), st.integers(0, 1000))
def test_projection_is_the_nearest_point(vector: list[float], seed: int) -> None:
    point = torch.tensor(vector)
    projected = project_to_l1_ball(point, 0.5)
    assert projected.abs().sum() <= 0.5 + 1e-5
    generator = torch.Generator().manual_seed(seed)
    others = ActionBounds(translation=0.5, shape="l1-ball").sample(200, 1, generator)[:, 0, :3]
    nearest = (others - point).norm(dim=-1).min()
    assert (projected - point).norm() <= nearest + 1e-5


def test_l2_projection_keeps_the_direction() -> None:
    point = torch.tensor([[3.0, 4.0, 0.0], [0.1, 0.0, 0.2]])
    projected = project_to_l2_ball(point, 0.5)
    assert torch.allclose(projected, torch.tensor([[0.3, 0.4, 0.0], [0.1, 0.0, 0.2]]))


@pytest.mark.parametrize("shape", ["box", "l1-ball", "l2-ball"])
def test_samples_fill_the_bounds_and_stay_inside(shape: str) -> None:
    bounds = ActionBounds(shape=shape, rotation=0.2)  # type: ignore[arg-type]
    actions = bounds.sample(4000, 2, torch.Generator().manual_seed(0))
    assert actions.shape == (4000, 2, 7)
    assert bounds.contains(actions)
    assert torch.allclose(actions.mean(dim=(0, 1)), torch.zeros(7), atol=0.03)
    assert bool((actions.abs().amax(dim=(0, 1)) > 0.85 * bounds.limits()).all())


def test_illegal_bounds_name_the_value() -> None:
    with pytest.raises(BadValueError, match=r"translation is -1"):
        ActionBounds(translation=-1)
    with pytest.raises(BadValueError, match="sphere"):
        ActionBounds(shape="sphere")  # type: ignore[arg-type]


def test_closing_waits_until_the_hand_hardly_moves() -> None:
    bounds = ActionBounds(grip_within=0.02)
    far, near = torch.zeros(2, 7)
    far[:3], far[6] = torch.tensor([0.0, -0.021, 0.01]), 0.5
    near[:3], near[6] = torch.tensor([0.019, -0.019, 0.0]), 0.5
    assert bounds.clip(far)[6] == 0.0
    assert torch.equal(bounds.clip(far)[:6], far[:6])
    assert torch.equal(bounds.clip(near), near)
    far[6] = -0.5
    assert torch.equal(bounds.clip(far), far)  # opening need not wait
    far[6] = 0.5
    assert ActionBounds().contains(far)
    assert not bounds.contains(far)
    assert bounds.contains(bounds.sample(500, 2, torch.Generator().manual_seed(0)))
    with pytest.raises(BadValueError, match="grip_within"):
        ActionBounds(grip_within=-1.0)


def test_a_share_of_draws_is_near_enough_to_close() -> None:
    drawn = ActionBounds(grip_within=0.02).sample(400, 2, torch.Generator().manual_seed(0))
    near = drawn[:, 0, :3].abs().amax(dim=1) <= 0.02
    assert 100 <= int(near.sum()) < 120
    assert (drawn[near, 0, 6] > 0.1).sum() > 30
    assert ((drawn[~near, 0, 6] > 0).sum()) == 0
    free = ActionBounds()
    raw = torch.rand(8, 1, 7)
    assert free.some_near(raw) is raw


def test_opening_waits_too_if_asked_for() -> None:
    bounds = ActionBounds(grip_within=0.02, release_within=0.04)
    action = torch.tensor([0.03, 0, 0, 0, 0, 0, -0.6])
    assert torch.equal(bounds.clip(action), action)
    action[1] = -0.05
    assert bounds.clip(action)[6] == 0.0
    assert torch.equal(bounds.clip(action)[:6], action[:6])
    assert bounds.contains(bounds.sample(500, 2, torch.Generator().manual_seed(0)))
    with pytest.raises(BadValueError, match="release_within"):
        ActionBounds(release_within=-1.0)

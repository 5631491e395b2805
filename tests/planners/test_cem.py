"""The cross-entropy engine: its update by hand, its optimum, its three settings."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from armchair.errors import BadValueError
from armchair.planners import (
    FREE_HAND,
    ActionBounds,
    ImaginationError,
    Objective,
    SearchPlanner,
    load_planner,
    with_options,
)
from armchair.planners.cem import CemConfig
from armchair.planners.distribution import Distribution
from tests.planners.linear_model import LinearModel, context


def solve(config: CemConfig, goal: Tensor, warm_start: Tensor | None = None) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    planner = SearchPlanner(config)
    return planner.plan(LinearModel(), context(), goal, generator, warm_start).actions


def test_update_keeps_the_momentum_share_of_the_old() -> None:
    old = Distribution(torch.full((1, 7), 2.0), torch.full((1, 7), 4.0))
    elites = torch.tensor([1.0, 3.0, 8.0])[:, None, None].expand(3, 1, 7)
    new = old.towards(elites, torch.zeros(1, 7), 0.15, 0.25)
    assert new.mean[0, 0].item() == pytest.approx(0.85 * 4.0 + 0.15 * 2.0)
    unbiased = (((1 - 4) ** 2 + (3 - 4) ** 2 + (8 - 4) ** 2) / 2) ** 0.5
    assert new.deviation[0, 0].item() == pytest.approx(0.75 * unbiased + 0.25 * 4.0)


def test_deviation_never_falls_below_the_floor() -> None:
    old = Distribution(torch.zeros(1, 7), torch.ones(1, 7))
    new = old.towards(torch.zeros(4, 1, 7), torch.full((1, 7), 0.3))
    assert torch.equal(new.deviation, torch.full((1, 7), 0.3))


@pytest.mark.parametrize(
    ("name", "slack"), [("cem", 0.008), ("cem-paper", 0.006), ("cem-meta", 0.006)]
)
def test_finds_the_known_optimum(name: str, slack: float) -> None:
    goal = torch.tensor([[0.04, -0.02, 0.06, 0.5]])
    planner = with_options(load_planner(name), FREE_HAND if name == "cem" else ())
    plan = planner.plan(LinearModel(), context(), goal, torch.Generator().manual_seed(0))
    assert torch.allclose(plan.actions[0, [0, 1, 2]], goal[0, :3], atol=slack)
    assert plan.actions[0, 6].item() == pytest.approx(0.5, abs=0.08)
    assert torch.equal(plan.actions[0, 3:6], torch.zeros(3))


def test_goal_out_of_reach_gives_the_corner_of_the_box() -> None:
    found = solve(CemConfig(), torch.tensor([[1.0, -1.0, 1.0, 0.0]]))
    assert torch.allclose(found[0, :3], torch.tensor([0.075, -0.075, 0.075]), atol=1e-4)


def test_two_steps_share_the_way() -> None:
    config = CemConfig(horizon=2, iterations=20)
    found = solve(config, torch.tensor([[0.12, 0.0, -0.1, 0.0]]))
    assert torch.allclose(found[:, [0, 2]].sum(dim=0), torch.tensor([0.12, -0.1]), atol=0.01)


def test_scoring_all_steps_hurries() -> None:
    """With the sum over steps the first step already goes all the way."""
    config = CemConfig(horizon=2, iterations=20, objective=Objective(steps="all"))
    found = solve(config, torch.tensor([[0.06, 0.0, 0.0, 0.0]]))
    assert found[0, 0].item() == pytest.approx(0.06, abs=0.01)
    assert found[1, 0].item() == pytest.approx(0.0, abs=0.01)


def test_rotation_is_searched_only_when_asked() -> None:
    class Turner(LinearModel):
        def rollout(
            self, latents: Tensor, states: Tensor, past_actions: Tensor, candidates: Tensor
        ) -> Tensor:
            return candidates[..., 3:6].cumsum(dim=1)[:, :, None]

    config = CemConfig(bounds=ActionBounds(rotation=0.2))
    goal = torch.tensor([[0.1, -0.1, 0.05]])
    generator = torch.Generator().manual_seed(0)
    lived = replace(context(), latents=torch.zeros(1, 1, 3))
    plan = SearchPlanner(config).plan(Turner(), lived, goal, generator)
    assert torch.allclose(plan.actions[0, 3:6], goal[0], atol=0.01)


def test_small_gripper_changes_are_rounded_to_zero() -> None:
    goal = torch.tensor([[0.0, 0.0, 0.0, 0.2]])
    assert solve(CemConfig(), goal)[0, 6].item() == pytest.approx(0.2, abs=0.02)
    assert solve(CemConfig(gripper_deadband=0.25), goal)[0, 6].item() == 0.0


def test_best_so_far_never_gets_worse_when_elites_are_carried() -> None:
    config = CemConfig(samples=20, elites=4, carried=2, returns="best", deviation_floor=0.5)
    plan = SearchPlanner(config).plan(
        LinearModel(), context(), torch.full((1, 4), 0.03), torch.Generator().manual_seed(1)
    )
    assert list(plan.history) == sorted(plan.history, reverse=True)
    achieved = (plan.actions[0, [0, 1, 2, 6]] - 0.03).abs().mean().item()
    assert plan.energy == pytest.approx(achieved, abs=1e-6)


def test_a_perfect_guess_wins() -> None:
    guess = torch.tensor([[0.031, 0.017, -0.05, 0, 0, 0, 0.0]])
    config = CemConfig(samples=4, elites=2, carried=1, returns="best", warm_start=True)
    assert torch.equal(solve(config, guess[:, [0, 1, 2, 6]], guess), guess)


def test_registered_settings_are_the_published_ones() -> None:
    paper, meta = load_planner("cem-paper").describe(), load_planner("cem-meta").describe()
    assert (paper["samples"], paper["iterations"], paper["elites"]) == (800, 10, 10)
    assert (paper["horizon"], paper["momentum_mean"], paper["returns"]) == (1, 0, "elite-mean")
    changed = {key for key in paper if paper[key] != meta[key]}
    assert changed == {"momentum_mean", "momentum_deviation", "gripper_deadband"}
    assert meta["momentum_mean"] == meta["momentum_deviation"] == 0.15
    assert meta["bounds"]["gripper"] == 0.75


@pytest.mark.parametrize(
    "wrong",
    [
        {"samples": 0},
        {"elites": 801},
        {"elites": 1},
        {"carried": 11},
        {"momentum_mean": 1.0},
        {"returns": "median"},
        {"gripper_deadband": -0.1},
        {"opening_deadband": -0.1},
        {"closing_gain": 0.9},
    ],
)
def test_illegal_settings_are_named(wrong: dict[str, int]) -> None:
    with pytest.raises(BadValueError, match=next(iter(wrong))):
        CemConfig(**wrong)  # type: ignore[arg-type]


def test_a_broken_model_is_reported() -> None:
    class Broken(LinearModel):
        def rollout(self, *args: Tensor) -> Tensor:
            return super().rollout(*args) * float("nan")

    with pytest.raises(ImaginationError, match="not finite"):
        SearchPlanner(CemConfig()).plan(
            Broken(), context(), torch.zeros(1, 4), torch.Generator().manual_seed(0)
        )


def test_opening_has_a_deadband_of_its_own() -> None:
    config = CemConfig(gripper_deadband=0.05, opening_deadband=0.25)
    actions = torch.zeros(5, 1, 7)
    actions[:, 0, 6] = torch.tensor([0.04, 0.06, -0.06, -0.24, -0.26])
    kept = config.rounded(actions)[:, 0, 6]
    torch.testing.assert_close(kept, torch.tensor([0.0, 0.06, 0.0, 0.0, -0.26]))


def test_what_closes_is_carried_out_firmly() -> None:
    config = CemConfig(bounds=ActionBounds(gripper=1.0), closing_gain=1.5)
    found = torch.zeros(4, 7)
    found[:, 6] = torch.tensor([0.4, 0.9, 0.0, -0.4])
    assert config.carried_out(found)[:, 6].tolist() == pytest.approx([0.6, 1.0, 0.0, -0.4])
    assert torch.equal(CemConfig().carried_out(found), found)


def test_the_covariance_grows_in_the_direction_of_progress() -> None:
    old = Distribution(torch.zeros(1, 7), torch.full((1, 7), 0.1)).with_covariance()
    elites = torch.zeros(6, 1, 7)
    elites[:, 0, :3] = torch.tensor([0.2, 0.2, 0.0])
    elites[:, 0, :2] += 0.01 * torch.randn(6, 2, generator=torch.Generator().manual_seed(0))
    floor = torch.full((1, 7), 0.02)
    drawn = old.towards(elites, floor).sample(4000, torch.Generator().manual_seed(1))[:, 0, :3]
    spread = torch.linalg.eigh(drawn.T.cov())
    assert spread.eigenvalues[-1].sqrt() == pytest.approx(0.08**0.5, rel=0.1)
    assert spread.eigenvectors[:2, -1].abs().min() > 0.65
    assert spread.eigenvalues[0].sqrt() == pytest.approx(0.02, rel=0.1)
    settled = old.towards(elites, floor, progress=False)
    assert settled.sample(4000, torch.Generator().manual_seed(1)).std(dim=0).max() < 0.04


def test_axes_that_the_bounds_forbid_stay_still_with_a_covariance() -> None:
    config = CemConfig(covariance=True, samples=32, bounds=ActionBounds(translation=0.0))
    assert solve(config, torch.tensor([[0.0, 0.0, 0.0, 0.5]]))[0, :3].abs().max() == 0.0


def test_a_first_iteration_smaller_than_its_elites_is_refused() -> None:
    with pytest.raises(BadValueError, match="first_samples is 5"):
        CemConfig(first_samples=5)

"""Energies of neighbourhoods: what is averaged, and that a search sees farther by them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from armchair.errors import BadValueError
from armchair.planners import Context, load_planner, with_options
from armchair.planners.cem_waypoint import CemWaypointConfig
from armchair.planners.energy import BothScales, Objective, blurred, score
from tests.planners.linear_model import LinearModel

SIDE = 8
PATCH_M = 0.06


def test_each_token_becomes_the_mean_of_those_around_it() -> None:
    latents = torch.randn(2, 1, SIDE**2, 3)
    grid, found = (part.unflatten(2, (SIDE, SIDE)) for part in (latents, blurred(latents)))
    torch.testing.assert_close(found[:, :, 4, 3], grid[:, :, 3:6, 2:5].mean(dim=(2, 3)))
    torch.testing.assert_close(found[:, :, 0, 7], grid[:, :, :2, 6:].mean(dim=(2, 3)))


def test_of_no_square_grid_nothing_is_averaged() -> None:
    latents = torch.randn(5, 6, 3)
    assert blurred(latents) is latents
    assert torch.equal(blurred(latents[:, :1]), latents[:, :1])


class Dot(LinearModel):
    """Latents are the picture of a dot in the plane of x and y, `SIDE` patches wide."""

    @staticmethod
    def picture(place: Tensor) -> Tensor:
        """Return patches (..., SIDE², 1) of dots, a patch wide, at places (..., 2) in metres."""
        centres = PATCH_M * (torch.arange(SIDE) - (SIDE - 1) / 2)
        near = (1.0 - (place[..., None] - centres).abs() / PATCH_M).clamp(min=0.0)
        return (near[..., 0, :, None] * near[..., 1, None, :]).flatten(-2)[..., None]

    def rollout(
        self, latents: Tensor, states: Tensor, past_actions: Tensor, candidates: Tensor
    ) -> Tensor:
        there = candidates.cumsum(dim=1)[..., :2]
        return self.picture(there)


def problem() -> tuple[Context, Tensor]:
    here, there = Dot.picture(torch.tensor([[0.0, 0.0], [0.15, -0.12]]))
    now = Context(latents=here[None], states=torch.zeros(1, 7), past_actions=torch.zeros(0, 7))
    return now, there


def test_both_energies_of_a_candidate() -> None:
    now, there = problem()
    ways = torch.zeros(3, 2, 7)
    ways[0, :, :2] = torch.tensor([0.075, -0.06])  # the goal
    ways[1, :, :2] = torch.tensor([0.05, -0.03])  # a patch short of it
    sharp, coarse = score(Dot(), now, ways, there, BothScales(Objective())).unbind(dim=1)
    torch.testing.assert_close(sharp, score(Dot(), now, ways, there))
    assert coarse[0] == sharp[0] == 0.0
    assert sharp[1] > 0.9 * sharp[2], "sharp: hardly better than not to move"
    assert coarse[1] < 0.8 * coarse[2], "coarse: much better"


def test_a_goal_that_few_candidates_meet_is_found_by_neighbourhoods() -> None:
    now, there = problem()

    def found(coarse: int) -> int:
        options = [f"coarse_iterations={coarse}", "first_samples=10", "samples=24"]
        planner, count = with_options(load_planner("cem-waypoint"), options), 0
        for seed in range(20):
            plan = planner.plan(Dot(), now, there, torch.Generator().manual_seed(seed))
            missed = plan.actions[:, :2].sum(0) - torch.tensor([0.15, -0.12])
            count += bool(missed.abs().max() < 0.01)
            known = float(score(Dot(), now, plan.actions[None], there))
            assert plan.energy == pytest.approx(known), "the energy of the plan is the sharp one"
            assert list(plan.history) == sorted(plan.history, reverse=True)
        return count

    assert found(3) >= 10
    assert found(0) <= 8


def test_a_negative_number_of_coarse_iterations_is_refused() -> None:
    with pytest.raises(BadValueError, match="coarse_iterations is -1"):
        CemWaypointConfig(coarse_iterations=-1)

"""What iCEM and MPPI draw: as many and as coloured as told; and which of it is returned."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from armchair.planners import FREE_HAND, Plan, load_planner, with_options
from tests.planners.linear_model import SEEN, LinearModel, context

GOAL = torch.tensor([[0.05, -0.03, 0.02, 0.5]])


class Watcher(LinearModel):
    """Keeps what it is asked to imagine, iteration by iteration."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn: list[Tensor] = []

    def rollout(self, *arguments: Tensor) -> Tensor:
        self.drawn.append(arguments[-1])
        return super().rollout(*arguments)


def plan(name: str, *options: str) -> tuple[Plan, list[Tensor]]:
    model, planner = Watcher(), with_options(load_planner(name), (*FREE_HAND, *options))
    return planner.plan(model, context(), GOAL, torch.Generator().manual_seed(0)), model.drawn


def test_icem_draws_fewer_each_time_but_twice_the_elites() -> None:
    found, drawn = plan("icem", "samples=64", "shrink=2", "elites=6", "iterations=5")
    assert [len(candidates) for candidates in drawn] == [64, 32, 16, 12, 12]
    assert found.evaluations == 136


@pytest.mark.parametrize("name", ["icem", "mppi"])
def test_moves_drift_over_the_horizon_as_the_noise_is_coloured(name: str) -> None:
    def alike(exponent: int) -> float:
        """Correlation of moves with the next ones, in the first iteration."""
        _, drawn = plan(name, "horizon=8", f"noise_exponent={exponent}")
        moves = drawn[0][..., :3]
        return float(
            torch.stack([moves[:, :-1].flatten(), moves[:, 1:].flatten()]).corrcoef()[0, 1]
        )

    assert abs(alike(0)) < 0.1
    assert alike(2) > 0.4


def test_mppi_returns_the_mean_or_the_best_candidate_seen() -> None:
    """An even mean of all, with later draws close to it: the best are among the first."""
    options = ["temperature=1000", "shrink=0.01", "iterations=3"]
    mean, _ = plan("mppi", *options)
    best, (*drawn, last) = plan("mppi", *options, "returns=best")
    candidates = torch.cat(drawn)
    energies = (candidates[..., SEEN].sum(dim=1) - GOAL).abs().mean(dim=1)
    assert torch.equal(best.actions, candidates[energies.argmin()])
    assert torch.equal(best.actions[None], last)
    assert best.energy == pytest.approx(float(energies.min()))
    assert mean.energy > 2 * best.energy

"""Bowls: fitted exactly, least within the box; and cem-fit gets closer than sampling alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from armchair.planners import FREE_HAND, Plan, load_planner, with_options
from armchair.planners.cem_fit import bowl_least
from tests.planners.linear_model import LinearModel, context


def points(count: int, size: int) -> torch.Tensor:
    return 2 * torch.rand(count, size, generator=torch.Generator().manual_seed(0)) - 1


def test_a_quadratics_least_is_found() -> None:
    x, least = points(40, 4), torch.tensor([0.2, -0.5, 0.0, 0.7])
    skew = torch.eye(4) + 0.3 * torch.ones(4, 4)
    values = 3.0 + ((x - least) @ skew).square().sum(-1)
    torch.testing.assert_close(bowl_least(x, values), least, atol=1e-4, rtol=0)


def test_a_least_outside_or_a_slope_ends_at_the_edge() -> None:
    x = points(40, 2)
    outside = (x[:, 0] - 5).square() + (x[:, 1] - 0.5).square()
    torch.testing.assert_close(bowl_least(x, outside), torch.tensor([1.0, 0.5]), atol=1e-4, rtol=0)
    hill = x[:, 0] - x[:, 1].square()
    assert bowl_least(x, hill)[0] == -1.0
    assert bowl_least(x, hill)[1].abs() == 1.0


def test_what_the_values_do_not_depend_on_stays() -> None:
    x = points(40, 3)
    values = (x[:, :2] - torch.tensor([0.2, -0.3])).square().sum(1)
    wanted = torch.tensor([0.2, -0.3, 0.0])
    torch.testing.assert_close(bowl_least(x, values), wanted, atol=1e-4, rtol=0)
    x[:, 2] = 0.0  # never tried
    torch.testing.assert_close(bowl_least(x, values), wanted, atol=1e-4, rtol=0)


class SquaredModel(LinearModel):
    """Curved latents, and an arithmetic, wrong by a hundredth or so, that `exactly` leaves."""

    def __init__(self) -> None:
        super().__init__()
        self.exact = False
        self.asked: list[bool] = []

    @contextmanager
    def exactly(self) -> Iterator[None]:
        self.exact = True
        yield
        self.exact = False

    def rollout(self, *arguments: torch.Tensor) -> torch.Tensor:
        self.asked.append(self.exact)
        found = super().rollout(*arguments)
        miss = found - torch.tensor([[0.03, -0.02, 0.05, 0.4]])
        bowl = 1.0 + 20.0 * miss.square().sum(-1, keepdim=True).expand_as(found)
        return bowl if self.exact else bowl.bfloat16().float()


def found(name: str, model: SquaredModel) -> Plan:
    generator = torch.Generator().manual_seed(0)
    planner = with_options(load_planner(name), FREE_HAND)
    return planner.plan(model, context(), torch.zeros(1, 4), generator)


def test_the_rounds_are_exact_and_get_close() -> None:
    model = SquaredModel()
    plan = found("cem-fit", model)
    truth = torch.tensor([0.03, -0.02, 0.05, 0.4])
    assert (plan.actions[0, [0, 1, 2, 6]] - truth).abs().max() < 1e-3
    assert not model.asked[0]
    assert model.asked[-1]
    sampled = (found("cem", SquaredModel()).actions[0, [0, 1, 2, 6]] - truth).abs().max()
    assert sampled > 5e-3

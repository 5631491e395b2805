"""Waypoints: how they become actions, what they cost, and that they are seen from afar."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from armchair.errors import BadValueError
from armchair.planners import ActionBounds, Context, load_planner, with_options
from armchair.planners.cem_waypoint import CemWaypointConfig, way_to
from tests.planners.linear_model import LinearModel, context


def waypoint(x: float, y: float, z: float, gripper: float = 0.0) -> Tensor:
    return torch.tensor([[x, y, z, 0.0, 0.0, 0.0, gripper]])


def test_a_near_waypoint_is_one_action() -> None:
    actions, steps = way_to(waypoint(0.07, -0.01, 0.0, 0.3), CemWaypointConfig())
    assert steps.tolist() == [1]
    torch.testing.assert_close(actions[:, 0], waypoint(0.07, -0.01, 0.0, 0.3))
    assert not actions[:, 1:].any()


def test_a_far_one_is_reached_as_fast_as_the_bounds_allow_and_gripped_on_arrival() -> None:
    actions, steps = way_to(waypoint(0.20, -0.10, 0.01, 0.5), CemWaypointConfig())
    assert steps.tolist() == [3]
    torch.testing.assert_close(actions[0, :, 0], torch.tensor([0.075, 0.075, 0.05]))
    torch.testing.assert_close(actions[0, :, 1], torch.tensor([-0.075, -0.025, 0.0]))
    torch.testing.assert_close(actions[0, :, 2], torch.tensor([0.01, 0.0, 0.0]))
    assert actions[0, :, 6].tolist() == [0.0, 0.0, 0.5]


@pytest.mark.parametrize(
    ("height", "sinks", "options"),
    [
        (-0.05, [0.0, 0.0, -0.05], {}),
        (-0.10, [0.0, -0.025, -0.075], {}),
        (-0.40, [-0.075, -0.075, -0.075], {}),
        (0.10, [0.075, 0.025, 0.0], {}),
        (-0.10, [-0.075, -0.025, 0.0], {"descend_last": False}),
    ],
)
def test_the_hand_rises_first_and_sinks_last(
    height: float, sinks: list[float], options: dict[str, bool]
) -> None:
    actions, steps = way_to(waypoint(0.2, 0.0, height), CemWaypointConfig(**options))
    assert steps.tolist() == [3]
    torch.testing.assert_close(actions[0, :, 2], torch.tensor(sinks))


def test_the_hand_sinks_at_once_where_it_hardly_goes_aside() -> None:
    actions, steps = way_to(waypoint(0.04, -0.02, -0.08), CemWaypointConfig())
    assert steps.tolist() == [2]
    torch.testing.assert_close(actions[0, :, 2], torch.tensor([-0.075, -0.005, 0.0]))


def test_the_hand_closes_in_an_action_of_its_own_where_it_must_not_on_the_way() -> None:
    config = CemWaypointConfig(bounds=ActionBounds(gripper=1.0, grip_within=0.015))
    places = [waypoint(0.03, 0, 0, 0.9), waypoint(0.01, 0, 0, 0.9), waypoint(0.03, 0, 0, -0.9)]
    actions, steps = way_to(torch.cat([*places, waypoint(0.2, 0, 0, 0.9)]), config)
    assert steps.tolist() == [2, 1, 1, 3]
    torch.testing.assert_close(actions[:, 0, 6], torch.tensor([0.0, 0.9, -0.9, 0.0]))
    torch.testing.assert_close(actions[0, 1], waypoint(0.0, 0, 0, 0.9)[0])
    assert not actions[3, :, 6].any(), "no step is left to close in"


def test_a_ball_is_crossed_in_a_straight_line() -> None:
    config = CemWaypointConfig(bounds=ActionBounds(shape="l2-ball"))
    actions, steps = way_to(waypoint(0.09, 0.12, 0.0), config)
    assert steps.tolist() == [2]
    torch.testing.assert_close(actions[0, 0, :2], torch.tensor([0.045, 0.06]))
    torch.testing.assert_close(actions.sum(dim=1), waypoint(0.09, 0.12, 0.0))


def test_what_is_out_of_reach_is_approached() -> None:
    actions, steps = way_to(waypoint(0.5, 0.0, 0.0), CemWaypointConfig(horizon=2))
    assert steps.tolist() == [2]
    assert float(actions[0, :, 0].sum()) == pytest.approx(0.15)


@pytest.mark.parametrize("place", [0.05, 0.13, 0.21])
def test_known_optima_near_and_far(place: float) -> None:
    goal = torch.tensor([[place, -place, 0.0, 0.0]])
    plan = load_planner("cem-waypoint").plan(
        LinearModel(), context(), goal, torch.Generator().manual_seed(0)
    )
    assert plan.actions.shape == (3, 7)
    first = min(place, 0.075)
    assert plan.actions[0, :2].tolist() == pytest.approx([first, -first], abs=0.01)
    assert plan.actions[:, :2].sum(0).tolist() == pytest.approx([place, -place], abs=0.02)


def test_the_last_plan_competes_as_the_waypoint_that_is_left() -> None:
    goal = torch.tensor([[0.1, 0.0, 0.0, 0.0]])
    guess = torch.zeros(3, 7)
    guess[:2, 0] = torch.tensor([0.075, 0.025])
    plan = with_options(load_planner("cem-waypoint"), ["iterations=1"]).plan(
        LinearModel(), context(), goal, torch.Generator().manual_seed(0), guess
    )
    torch.testing.assert_close(plan.actions, guess)


def test_without_a_second_look_none_is_drawn_at_the_elites_themselves() -> None:
    asked: list[Tensor] = []

    class Watcher(LinearModel):
        def rollout(self, *arguments: Tensor) -> Tensor:
            asked.append(arguments[3].sum(dim=1)[:, :3])
            return super().rollout(*arguments)

    planner = with_options(load_planner("cem-waypoint"), ["second_spread=0", "iterations=2"])
    goal = torch.tensor([[0.03, 0.0, 0.0, 0.0]])
    planner.plan(Watcher(), context(), goal, torch.Generator().manual_seed(0))
    ends = torch.cat(asked).round(decimals=5)
    assert len(ends) > 256
    assert len(ends.unique(dim=0)) > 0.95 * len(ends)


class Spot(LinearModel):
    """Latents are the picture of a spot on a line; where two spots do not meet, energy is flat."""

    @staticmethod
    def picture(place: Tensor) -> Tensor:
        """Return 81 pixels (..., 81), half a centimetre apart, of spots at places (..., 1)."""
        line = torch.linspace(-0.3, 0.3, 81)
        return (1.0 - (place - line).abs() / 0.03).clamp(min=0.0)

    def rollout(
        self, latents: Tensor, states: Tensor, past_actions: Tensor, candidates: Tensor
    ) -> Tensor:
        start = torch.zeros(1, 1, 4)
        return self.picture(super().rollout(start, states, past_actions, candidates)[..., :1])


@pytest.mark.parametrize(("name", "sees"), [("cem", False), ("cem-waypoint", True)])
def test_a_goal_without_overlap_is_seen_from_afar(name: str, sees: bool) -> None:
    model, (here, there) = Spot(), Spot.picture(torch.tensor([[0.0], [0.17]])).split(1)
    now = Context(latents=here[None], states=torch.zeros(1, 7), past_actions=torch.zeros(0, 7))
    going = [
        float(
            load_planner(name)
            .plan(model, now, there, torch.Generator().manual_seed(seed))
            .actions[0, 0]
        )
        for seed in range(5)
    ]
    assert (min(going) > 0.07) is sees, going


class Depth(LinearModel):
    """A camera looks down a diagonal: what moves along it hardly changes the picture."""

    along = torch.tensor([1.0, -1.0, 1.0]) / 3**0.5
    across = torch.tensor([[3.0, 3.0, 0.0], [3.0**0.5, -(3.0**0.5), -2 * 3.0**0.5]]) / 18**0.5

    @classmethod
    def picture(cls, place: Tensor) -> Tensor:
        """Return latents (..., 3) of places (..., 3): far across the sight and little along it."""
        return torch.cat([place @ cls.across.T, 0.1 * (place @ cls.along)[..., None]], dim=-1)

    def rollout(
        self, latents: Tensor, states: Tensor, past_actions: Tensor, candidates: Tensor
    ) -> Tensor:
        return self.picture(candidates[..., :3].cumsum(dim=1))[:, :, None]


@pytest.mark.parametrize("name", ["cem", "cem-waypoint"])
def test_a_valley_along_the_line_of_sight_is_followed_to_its_end(name: str) -> None:
    place = torch.tensor([0.05, -0.06, 0.04])
    now = Context(
        latents=torch.zeros(1, 1, 3), states=torch.zeros(1, 7), past_actions=torch.zeros(0, 7)
    )
    missed = [
        float((plan.actions.sum(dim=0)[:3] - place).norm())
        for seed in range(10)
        for plan in [
            load_planner(name).plan(
                Depth(), now, Depth.picture(place[None]), torch.Generator().manual_seed(seed)
            )
        ]
    ]
    assert max(missed) < 0.02, missed


def test_no_more_is_carried_than_there_are_elites() -> None:
    with pytest.raises(BadValueError, match="carried is 13"):
        CemWaypointConfig(carried=13)

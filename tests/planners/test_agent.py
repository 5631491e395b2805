"""The receding-horizon agent: what it may see, what it remembers, when goals switch."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from armchair.errors import BadValueError
from armchair.planners import (
    GoalImage,
    Observation,
    Plan,
    RecedingHorizonAgent,
    load_planner,
    with_options,
)
from armchair.planners.agent import moved_on
from armchair.poses import difference
from tests.planners.linear_model import LinearModel

SMALL = ["samples=32", "iterations=3", "elites=4"]


def picture(x: int, y: int = 0, z: int = 0, gripper: int = 0) -> np.ndarray:
    frame = np.zeros((8, 8, 3), np.uint8)
    frame[0, 0], frame[0, 1, 0] = (x, y, z), gripper
    return frame


def seen(x: int, state: float = 0.0) -> Observation:
    return Observation(frame=picture(x), state=np.full(7, state))


def agent(model: LinearModel, seed: int = 0, **options: int) -> RecedingHorizonAgent:
    return RecedingHorizonAgent(model, with_options(load_planner("cem"), SMALL), seed, **options)


def test_input_types_cannot_carry_a_goal_state() -> None:
    assert {f.name for f in dataclasses.fields(Observation)} == {"frame", "state"}
    assert {f.name for f in dataclasses.fields(GoalImage)} == {"frame"}
    with pytest.raises(TypeError):
        Observation(frame=picture(0), state=np.zeros(7), goal_state=np.zeros(7))  # type: ignore[call-arg]
    with pytest.raises((AttributeError, TypeError)):
        seen(0).goal_state = np.zeros(7)  # type: ignore[attr-defined]


def test_moves_towards_the_goal_image() -> None:
    player = agent(LinearModel())
    player.start([GoalImage(frame=picture(20))])
    decision = player.act(seen(10))
    assert decision.action.shape == (7,)
    assert decision.action.dtype == np.float64
    assert decision.action[0] == pytest.approx(0.075, abs=1e-3)
    assert decision.energy == pytest.approx(0.1 / 4, abs=1e-6)
    assert decision.plan is not None
    assert decision.seconds > 0


def test_each_lived_frame_is_encoded_once() -> None:
    model = LinearModel()
    player = agent(model, context_frames=3)
    player.start([GoalImage(frame=picture(20))])
    for step in range(5):
        player.act(seen(step))
    assert len(model.encoded) == 1 + 5


def test_context_is_bounded_and_holds_measured_differences() -> None:
    model = LinearModel()
    player = agent(model, context_frames=2)
    player.start([GoalImage(frame=picture(20))])
    player.act(seen(0, 0.1))
    assert model.contexts[-1][2].shape == (0, 7)
    player.act(seen(1, 0.2))
    player.act(seen(2, 0.4))
    latents, states, past = model.contexts[-1]
    assert latents[:, 0, 0].tolist() == pytest.approx([0.01, 0.02])
    assert states[:, 0].tolist() == pytest.approx([0.2, 0.4])
    expected = difference(np.full(7, 0.2), np.full(7, 0.4))
    assert np.allclose(past[0].numpy(), expected, atol=1e-6)


def test_goals_switch_at_their_steps() -> None:
    player = agent(LinearModel())
    player.start([GoalImage(frame=picture(20)), GoalImage(frame=picture(0))], switch_steps=[2])
    moves = [player.act(seen(10)).action[0] for _ in range(4)]
    assert [move > 0 for move in moves] == [True, True, False, False]


def test_same_seed_same_actions_and_start_forgets() -> None:
    def play(seed: int) -> list[list[float]]:
        player = agent(LinearModel(), seed)
        player.start([GoalImage(frame=picture(12, 5))])
        return [player.act(seen(10)).action.tolist() for _ in range(2)]

    assert play(1) == play(1)
    assert play(1) != play(2)
    torch.manual_seed(0)
    model = LinearModel()
    player = agent(model, context_frames=4)
    for _ in range(2):
        player.start([GoalImage(frame=picture(12))])
        player.act(seen(1))
        assert model.contexts[-1][0].shape[0] == 1


def test_a_plan_starts_from_what_is_left_of_the_last_one_of_the_episode() -> None:
    class Spy:
        def __init__(self) -> None:
            self.guesses: list[torch.Tensor | None] = []
            self.planner = with_options(load_planner("cem"), [*SMALL, "horizon=2"])

        def plan(self, *given: Any) -> Plan:
            self.guesses.append(given[-1])
            return self.planner.plan(*given)

    spy = Spy()
    player = RecedingHorizonAgent(LinearModel(), spy, seed=0)  # type: ignore[arg-type]
    moves = []
    for _ in range(2):
        player.start([GoalImage(frame=picture(20)), GoalImage(frame=picture(0))], switch_steps=[1])
        moves.append([player.act(seen(10)) for _ in range(2)])
    assert spy.guesses[0] is spy.guesses[2] is None
    for episode, guess in zip(moves, spy.guesses[1::2], strict=True):
        assert guess is not None
        assert torch.equal(guess, moved_on(episode[0].plan))  # type: ignore[arg-type]
        assert [decision.action[0] > 0 for decision in episode] == [True, False]


def test_what_is_left_of_a_plan_ends_with_standing_still() -> None:
    actions = torch.arange(21.0).reshape(3, 7)
    left = moved_on(Plan(actions=actions, energy=0.0, history=(), evaluations=0))
    assert torch.equal(left, torch.cat([actions[1:], torch.zeros(1, 7)]))
    assert torch.equal(left.sum(dim=0), actions[1:].sum(dim=0))
    one = Plan(actions=actions[:1], energy=0.0, history=(), evaluations=0)
    assert torch.equal(moved_on(one), actions[:1])
    assert moved_on(None) is None


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (np.zeros((8, 8, 3), np.float32), "float32"),
        (np.zeros((8, 8), np.uint8), r"\(8, 8\)"),
        (np.zeros((3, 8, 8), np.uint8), r"\(3, 8, 8\)"),
        (None, "NoneType"),
    ],
)
def test_wrong_pictures_are_refused(frame: np.ndarray, message: str) -> None:
    with pytest.raises(BadValueError, match=message):
        GoalImage(frame=frame)
    with pytest.raises(BadValueError, match=message):
        Observation(frame=frame, state=np.zeros(7))


def test_a_goal_of_another_size_is_refused() -> None:
    player = agent(LinearModel())
    player.start([GoalImage(frame=np.zeros((16, 16, 3), np.uint8))])
    with pytest.raises(BadValueError, match=r"\(16, 16, 3\).*same camera"):
        player.act(seen(0))
    goals = [GoalImage(frame=np.zeros((size, 16, 3), np.uint8)) for size in (16, 8)]
    with pytest.raises(BadValueError, match=r"\(8, 16, 3\), \(16, 16, 3\).*same camera"):
        player.start(goals, switch_steps=[4])


def test_bad_state_and_bad_goals_are_refused() -> None:
    player = agent(LinearModel())
    with pytest.raises(RuntimeError, match="start"):
        player.act(seen(0))
    with pytest.raises(BadValueError, match="one goal or more"):
        player.start([])
    goals = [GoalImage(frame=picture(0))] * 3
    with pytest.raises(BadValueError, match="increasing"):
        player.start(goals, switch_steps=[4, 4])
    player.start(goals, switch_steps=[4, 14])
    with pytest.raises(BadValueError, match="metres"):
        player.act(seen(0, 360.0))

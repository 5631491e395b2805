"""Fair play: what a policy sees, when success is read, who is given the goal state."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest

from armchair.evaluation.contestants import CONTROLS, Contestant, Entry
from armchair.evaluation.episode import Scene, Trace, play, strip
from armchair.evaluation.outcomes import Outcome
from armchair.evaluation.report import EpisodeRow
from armchair.evaluation.tasks import TASKS
from armchair.planners import (
    Decision,
    GoalImage,
    ImaginationError,
    Observation,
    load_planner,
)
from armchair.poses import difference
from tests.evaluation.fakes import FakeReach, PixelModel, picture_of

SCENE = Scene(role="validation", seed=0, episode=4, level="light")


class Recorder:
    """Holds still and keeps all that it was ever given."""

    def __init__(self) -> None:
        self.given: list[object] = []

    def start(self, goals: Sequence[GoalImage], switch_steps: Sequence[int] = ()) -> None:
        self.given += [*goals, *switch_steps]

    def act(self, observation: Observation) -> Decision:
        self.given.append(observation)
        return Decision(action=np.full(7, 0.001))


def play_with(contestant: Contestant) -> tuple[Trace, FakeReach]:
    env = FakeReach()
    return play(env, TASKS["reach"], SCENE, contestant), env


def test_no_policy_is_given_the_goal_state() -> None:
    recorder = Recorder()
    _, env = play_with(Contestant(name="spy", make=lambda seed: recorder))
    arrays = [
        getattr(thing, field.name)
        for thing in recorder.given
        for field in dataclasses.fields(thing)  # type: ignore[arg-type]
    ]
    assert len(arrays) == 1 + 2 * 10
    for array in arrays:
        assert array.shape in ((64, 64, 3), (7,))
        assert not np.array_equal(array, env.goal)
    goal = recorder.given[0]
    assert isinstance(goal, GoalImage)
    assert np.array_equal(goal.frame, picture_of(env.goal))


def test_observation_is_stripped_and_copied() -> None:
    env = FakeReach()
    observed, _ = env.reset(options=SCENE.options())
    seen = strip(observed)
    assert {f.name for f in dataclasses.fields(seen)} == {"frame", "state"}
    observed["frame"][:], observed["state"][:] = 0, 9.0
    assert seen.frame.max() == 200
    assert seen.state.max() < 4


def test_ten_steps_then_one_second_then_the_verdict() -> None:
    trace, env = play_with(Contestant(name="spy", make=lambda seed: Recorder()))
    assert len(env.actions) == len(trace.decisions) == 10
    assert len(trace.frames) == len(trace.distances_m) == 11
    assert env.held == 1.0
    assert trace.verdict.final_distance_m == pytest.approx(trace.distances_m[-1])


def test_experts_arrive_and_stay_within_bounds() -> None:
    entry = Entry(model=PixelModel(), planner=load_planner("cem"))
    trace, env = play_with(CONTROLS["expert-constrained"](entry))
    assert trace.verdict.success
    assert trace.verdict.success_4cm
    actions = np.stack(env.actions)
    assert np.abs(actions[:, :3]).max() <= 0.075 + 1e-9
    assert not actions[:, 3:].any()
    trace, env = play_with(CONTROLS["expert"](entry))
    assert trace.verdict.success
    assert env.actions == []
    assert len(trace.distances_m) == 2


def test_hold_and_random_do_not_arrive() -> None:
    entry = Entry(model=PixelModel(), planner=load_planner("cem"))
    trace, env = play_with(CONTROLS["hold"](entry))
    assert not np.any(env.actions)
    assert not trace.verdict.success
    trace, env = play_with(CONTROLS["random"](entry))
    actions = np.stack(env.actions)
    assert 0.05 < np.abs(actions[:, :3]).max() <= 0.075
    assert not actions[:, 3:6].any()
    assert trace.decisions[0].plan is None


def test_success_and_four_centimetres() -> None:
    env = FakeReach()
    env.reset(options=SCENE.options())
    for gap, expected in ((0.0399, (True, True)), (0.045, (True, False)), (0.051, (False, False))):
        env.state = env.goal.copy()
        env.state[1] += gap
        verdict = TASKS["reach"].judge(env)
        assert (verdict.success, verdict.success_4cm) == expected


def test_policy_seed_differs_by_episode_and_role() -> None:
    scenes = [
        Scene(role=role, seed=0, episode=episode, level="light")
        for role in ("validation", "test")
        for episode in range(50)
    ]
    assert len({scene.policy_seed() for scene in scenes}) == 100
    assert scenes[3].policy_seed() == scenes[3].policy_seed()
    assert scenes[3].entropy() == (1, 0, 3)
    assert scenes[53].entropy() == (2, 0, 3)


def test_an_imagination_without_numbers_stops_the_episode_with_its_reason() -> None:
    class Blind(Recorder):
        def act(self, observation: Observation) -> Decision:
            if len(self.given) == 4:
                raise ImaginationError("no finite numbers")
            return super().act(observation)

    trace, env = play_with(Contestant(name="blind", make=lambda seed: Blind()))
    assert trace.stopped == "no finite numbers"
    assert len(env.actions) == len(trace.decisions) == 3
    assert not trace.verdict.success
    kept = Outcome.of(trace, SCENE, None)
    assert kept.stopped == "no finite numbers"
    assert EpisodeRow.of(kept).stopped == "no finite numbers"
    full, _ = play_with(Contestant(name="spy", make=lambda seed: Recorder()))
    assert full.stopped is None


def test_an_episode_that_stops_at_the_goal_is_lost_by_both_measures() -> None:
    env = FakeReach()

    class Blind:
        def start(self, *_: object) -> None: ...

        def act(self, observation: Observation) -> Decision:
            if len(env.actions) == 1:
                raise ImaginationError("no finite numbers")
            return Decision(action=difference(env.state, env.goal))

    trace = play(env, TASKS["reach"], SCENE, Contestant(name="blind", make=lambda seed: Blind()))
    assert trace.distances_m[-1] < 0.001
    assert trace.stopped
    assert not trace.verdict.success
    assert not trace.verdict.success_4cm

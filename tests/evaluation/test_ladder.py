"""The oracle ladder: truer dynamics, the same planner, and nothing of it in a report."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from armchair.errors import BadValueError
from armchair.evaluation.contestants import ALL_CONTROLS, CONTROLS
from armchair.evaluation.episode import Scene, play
from armchair.evaluation.ladder import RUNGS, climb, ladder_page, rungs
from armchair.evaluation.oracle import KinematicPolicy, SimulatorDynamics
from armchair.evaluation.outcomes import Score
from armchair.evaluation.run import evaluate
from armchair.evaluation.statistics import Quantiles, wilson95
from armchair.evaluation.tasks import TASKS
from armchair.planners import Context, Observation, load_planner, with_options
from armchair.poses import compose
from tests.evaluation.conftest import evaluation
from tests.evaluation.fakes import CENTRE, FakeReach, PixelModel, picture_of


class FakeRobot:
    """Moves the fake's arm; the fake itself counts the moves of the episode alone."""

    def __init__(self, env: FakeReach) -> None:
        self.env, self.moves = env, 0

    def snapshot(self) -> np.ndarray:
        return self.env.state.copy()

    def restore(self, state: np.ndarray) -> None:
        self.env.state = state.copy()

    def move(self, action: np.ndarray) -> None:
        self.moves += 1
        self.env.state = compose(self.env.state, action)

    def frame(self) -> np.ndarray:
        return picture_of(self.env.state)


@pytest.fixture
def env(env: FakeReach) -> FakeReach:
    env.robot = FakeRobot(env)  # type: ignore[attr-defined]
    return env


def test_every_rung_is_played_and_written_apart(env: FakeReach, tmp_path: Path) -> None:
    played: list[str] = []
    run = evaluation(tmp_path, episodes=1)
    page = climb(run, lambda task, rung, outcome: played.append(rung))
    assert sorted(set(played)) == sorted(RUNGS)
    assert "Diagnosis, no result" in page == (tmp_path / "ladder.md").read_text()
    found = json.loads((tmp_path / "ladder.json").read_text())["tasks"]["reach"]
    assert {rung: row["successes"] for rung, row in found.items()} == dict.fromkeys(RUNGS, 1)
    assert "No step down the ladder costs episodes" in page
    assert not (tmp_path / "report.json").exists()
    resets = env.resets
    assert climb(evaluation(tmp_path, episodes=1), lambda *_: None) == page
    assert env.resets == resets
    assert not set(RUNGS) & set(ALL_CONTROLS) - {"expert-constrained"}
    assert all(CONTROLS[name](evaluation(tmp_path).entry()).diagnosis is None for name in CONTROLS)


def test_test_scenes_are_for_no_diagnosis(env: FakeReach, tmp_path: Path) -> None:
    with pytest.raises(BadValueError, match="--role validation"):
        climb(evaluation(tmp_path, role="test"), lambda *_: None)
    assert not env.resets


@pytest.mark.parametrize("name", ["gradient", "cem-gradient"])
def test_planners_that_need_gradients_are_refused(
    env: FakeReach, tmp_path: Path, name: str
) -> None:
    run = replace(evaluation(tmp_path / "run"), planner_name=name, planner=load_planner(name))
    with pytest.raises(BadValueError, match=rf"planner '{name}' needs gradients, .*such as cem"):
        climb(run, lambda *_: None)
    assert not env.resets
    assert not (tmp_path / "run").exists()
    env.reset(options={"role": "test", "seed": 0, "episode": 0, "level": "light"})
    context = Context(
        latents=torch.zeros(1, 1, 3), states=torch.zeros(1, 7), past_actions=torch.zeros(0, 7)
    )
    with pytest.raises(BadValueError, match="SimulatorDynamics gives no gradient"):
        run.planner.plan(
            SimulatorDynamics(PixelModel(), env), context, torch.zeros(1, 3), torch.Generator()
        )


def test_a_wrong_predictor_is_blamed(env: FakeReach, tmp_path: Path) -> None:
    run = evaluation(tmp_path, episodes=1)
    with torch.no_grad():
        run.named_model.model.predictor.weight.neg_()  # type: ignore[attr-defined]
    page = climb(run, lambda *_: None)
    assert "The largest loss is at: predictor (2 → 3)." in page
    found = json.loads((tmp_path / "ladder.json").read_text())["tasks"]["reach"]
    assert found["simulator"]["successes"] == found["kinematics"]["successes"] == 1
    assert found["planner"]["successes"] == 0


def test_a_blind_energy_is_blamed(env: FakeReach, tmp_path: Path) -> None:
    run = evaluation(tmp_path, episodes=1)
    run.named_model.model.encode = lambda frames: torch.zeros(len(frames), 1, 3)  # type: ignore[method-assign]
    page = climb(run, lambda *_: None)
    assert "The largest loss is at: energy (1 → 2)." in page


@pytest.mark.parametrize(
    ("successes", "words"),
    [
        ((8, 7, 6, 5), "are alike, at: planner or control (expert → 1); energy (1 → 2); predictor"),
        ((8, 8, 6, 4), "are alike, at: energy (1 → 2); predictor (2 → 3)."),
        ((8, 7, 7, 4), "The largest loss is at: predictor (2 → 3)."),
        ((5, 6, 7, 7), "No step down the ladder costs episodes."),
    ],
)
def test_all_steps_that_cost_most_are_named(successes: tuple[int, ...], words: str) -> None:
    order = ("expert-constrained", "kinematics", "simulator", "planner")
    nothing = Quantiles(median=0.0, p90=0.0)
    rows = {
        rung: Score(
            episodes=8,
            successes=count,
            rate=count / 8,
            wilson95=wilson95(count, 8),
            success_4cm=count,
            rejected_resets=0,
            final_distance_m=nothing,
            plan_seconds=nothing,
            model_evaluations_per_action=0,
        )
        for rung, count in zip(order, successes, strict=True)
    }
    assert words in ladder_page({"reach": rows}, "cem", 8)


def test_the_simulator_is_put_back_after_every_plan(env: FakeReach, tmp_path: Path) -> None:
    scene = Scene(role="validation", seed=0, episode=1, level="light")
    simulator_rung = rungs(evaluation(tmp_path).entry())[1]
    trace = play(env, TASKS["reach"], scene, simulator_rung)
    assert len(env.actions) == 10
    assert env.robot.moves == 10 * 64 * 3  # type: ignore[attr-defined]
    expected = np.array([*CENTRE, np.pi, 0.0, 0.0, 0.0])
    for action in env.actions:
        expected = compose(expected, action)
    np.testing.assert_allclose(env.state, expected)
    assert trace.verdict.success


def test_the_simulator_is_put_back_after_an_error(env: FakeReach) -> None:
    env.reset(options={"role": "test", "seed": 0, "episode": 0, "level": "light"})
    before = env.state.copy()
    env.robot.frame = None  # type: ignore[attr-defined]
    with pytest.raises(TypeError):
        SimulatorDynamics(PixelModel(), env).rollout(*[torch.zeros(1, 7)] * 3, torch.ones(2, 1, 7))
    np.testing.assert_array_equal(env.state, before)


def test_an_arm_that_cannot_be_put_back_is_refused() -> None:
    class Real:
        robot = object()

    with pytest.raises(BadValueError, match=r"no snapshot\(\)"):
        SimulatorDynamics(PixelModel(), Real())


def test_kinematics_follow_the_goals_in_turn() -> None:
    class Two:
        def goal_states(self) -> np.ndarray:
            return np.array(
                [[*CENTRE + 0.015, np.pi, 0, 0, 0.8], [*CENTRE - 0.015, np.pi, 0, 0, 0]]
            )

    policy = KinematicPolicy(load_planner("cem"), 0, Two())
    policy.start([], switch_steps=[1])
    seen = Observation(
        frame=np.zeros((4, 4, 3), np.uint8), state=np.array([*CENTRE, np.pi, 0, 0, 0])
    )
    first, second = policy.act(seen).action, policy.act(seen).action
    np.testing.assert_allclose(first[:3], 0.015, atol=0.005)
    assert first[6] > 0.5
    np.testing.assert_allclose(second[:3], -0.015, atol=0.005)


@pytest.mark.slow
def test_the_real_simulator_is_put_back_exactly() -> None:
    env: Any = TASKS["reach"].make_env()
    try:
        env.reset(options={"role": "validation", "seed": 0, "episode": 0, "level": "light"})
        robot = env.unwrapped.robot
        before, frame = robot.state(), robot.frame()
        model = PixelModel()
        candidates = torch.zeros(2, 2, 7)
        candidates[:, :, 0] = torch.tensor([[0.05], [-0.05]])
        arguments = torch.zeros(1, 1, 3), torch.zeros(1, 7), torch.zeros(0, 7)
        first = SimulatorDynamics(model, env.unwrapped).rollout(*arguments, candidates)
        np.testing.assert_array_equal(robot.state(), before)
        np.testing.assert_array_equal(robot.frame(), frame)
        again = SimulatorDynamics(model, env.unwrapped).rollout(*arguments, candidates)
        assert torch.equal(first, again)
    finally:
        env.close()


def test_the_films_of_evaluate_are_left_alone(env: FakeReach, tmp_path: Path) -> None:
    run = evaluation(tmp_path, episodes=1, videos=True)
    evaluate(run, lambda *_: None)
    film = next((tmp_path / "videos").glob("reach-*.mp4"))
    before = film.read_bytes()
    weak = replace(run, planner=with_options(run.planner, ["samples=16", "iterations=1"]))
    climb(weak, lambda *_: None)
    assert film.read_bytes() == before

"""The task table, and sub-goals from the environment to the agent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import gymnasium
import numpy as np
import pytest

from armchair.errors import BadValueError, UnknownNameError
from armchair.evaluation import run
from armchair.evaluation.contestants import ALL_CONTROLS, CONTROLS, Contestant, Entry
from armchair.evaluation.episode import Scene, play
from armchair.evaluation.outcomes import Outcome
from armchair.evaluation.run import Evaluation, evaluate
from armchair.evaluation.tasks import TASK_NAMES, TASKS, Task, select_tasks
from armchair.planners import Decision, GoalImage, Observation, load_planner, with_options
from tests.evaluation.conftest import evaluation
from tests.evaluation.fake_objects import FakePickPlace
from tests.evaluation.fakes import PixelModel

SCENE = Scene(role="validation", seed=0, episode=4, level="light")
STEPS = {"reach": 10, "grasp": 8, "reach-with": 10, "pick-place": 18}


def test_seven_tasks_with_the_steps_of_the_benchmark() -> None:
    assert set(TASK_NAMES) == set(TASKS)
    assert len(TASK_NAMES) == 7
    for name in TASK_NAMES:
        task = TASKS[name]
        stem = name.removesuffix("-cup").removesuffix("-box")
        assert task.steps == STEPS[stem]
        assert task.switch_steps == ((4, 14) if stem == "pick-place" else ())
        assert dict(task.env_options) == ({} if name == "reach" else {"object": name[-3:]})


@pytest.mark.parametrize("name", TASK_NAMES)
def test_the_environment_agrees_with_the_table(name: str) -> None:
    env = TASKS[name].make_env()
    unwrapped = env.unwrapped
    assert (unwrapped.steps, unwrapped.switch_steps) == (  # type: ignore[attr-defined]
        TASKS[name].steps,
        TASKS[name].switch_steps,
    )
    assert isinstance(env.action_space, gymnasium.spaces.Box)
    env.close()


def test_selection() -> None:
    assert select_tasks(["all"]) == TASK_NAMES
    assert select_tasks(["reach,grasp-cup", "reach"]) == ("reach", "grasp-cup")
    with pytest.raises(UnknownNameError, match="Did you mean 'grasp-cup'"):
        select_tasks(["grasp-cap"])
    with pytest.raises(BadValueError, match="no task"):
        select_tasks([","])


class Spy:
    """Holds still and keeps its goals."""

    def __init__(self) -> None:
        self.goals: tuple[GoalImage, ...] = ()
        self.switch_steps: tuple[int, ...] = ()

    def start(self, goals: Sequence[GoalImage], switch_steps: Sequence[int] = ()) -> None:
        self.goals, self.switch_steps = tuple(goals), tuple(switch_steps)

    def act(self, observation: Observation) -> Decision:
        return Decision(action=np.zeros(7))


def test_an_agent_is_given_all_sub_goal_pictures_and_when_they_change() -> None:
    spy, env = Spy(), FakePickPlace()
    contestant = Contestant(name="spy", make=lambda seed: spy)
    trace = play(env, TASKS["pick-place-box"], SCENE, contestant)
    assert spy.switch_steps == (4, 14)
    assert len(spy.goals) == len(trace.goals) == 3
    for goal, frame in zip(spy.goals, env.goal_frames(), strict=True):
        assert np.array_equal(goal.frame, frame)
    assert len(env.actions) == 18
    assert not trace.verdict.success


def test_the_scripted_expert_is_held_to_the_bounds() -> None:
    planner = with_options(load_planner("cem"), ["bounds.gripper=0.75"])
    env, entry = FakePickPlace(), Entry(model=PixelModel(), planner=planner)
    trace = play(env, TASKS["pick-place-box"], SCENE, CONTROLS["expert-constrained"](entry))
    actions = np.stack(env.actions)
    assert np.abs(actions[:, :3]).max() == pytest.approx(0.075)
    assert not actions[:, 3:6].any()
    assert actions[:, 6].min() == -0.75
    assert trace.verdict.success
    assert play(env, TASKS["pick-place-box"], SCENE, CONTROLS["expert"](entry)).verdict.success


def test_a_report_says_which_clauses_were_met(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    env = FakePickPlace()
    monkeypatch.setattr(Task, "make_env", lambda task: env)
    monkeypatch.setattr(run, "code_version", lambda: "0123abc")
    plan = evaluation(tmp_path, episodes=2)
    fields = {**vars(plan), "tasks": ("pick-place-cup", "reach-with-box")}
    seen: list[Outcome] = []
    report = evaluate(Evaluation(**fields), lambda task, who, outcome: seen.append(outcome))
    task = report.tasks["pick-place-cup"]
    assert set(task.controls) == set(ALL_CONTROLS)
    assert set(task.score.clauses) == {
        "grasped",
        "carried",
        "upright",
        "at_rest",
        "released",
        "at_goal",
    }
    assert task.score.clauses["carried"] == 2
    assert task.controls["hold"].clauses["at_goal"] == 0
    assert task.controls["expert"].successes == 2
    entry = report.to_dict()["tasks"]["pick-place-cup"]
    assert entry["per_episode"][0]["clauses"]["released"] is True
    page = (tmp_path / "report.md").read_text()
    assert "| hold | 2/2 | 2/2 | 2/2 | 2/2 | 2/2 | 0/2 |" in page
    count = len(seen)
    (tmp_path / "report.json").unlink()
    again = evaluate(Evaluation(**fields), lambda task, who, outcome: seen.append(outcome))
    assert again.to_dict()["tasks"] == report.to_dict()["tasks"], "out of the ledger"
    assert len(seen) == 2 * count

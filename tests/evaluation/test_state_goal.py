"""The row `+state goal`: knows more, stands apart, and changes nothing that counts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from armchair.errors import BadValueError
from armchair.evaluation import paper_tables
from armchair.evaluation.benchmark import contestants_of
from armchair.evaluation.contestants import CONTROLS
from armchair.evaluation.episode import Scene, play
from armchair.evaluation.markdown import append_results, markdown
from armchair.evaluation.run import evaluate
from armchair.evaluation.state_goal import LABEL, StateGoalDynamics, state_goal_contestant
from armchair.evaluation.tasks import TASKS
from armchair.planners import PLANNERS, load_planner, with_options
from armchair.planners.energy import blurred, energy
from tests.evaluation.conftest import evaluation
from tests.evaluation.fakes import FakeReach, PixelModel
from tests.evaluation.test_run import ignore


class BlindModel(PixelModel):
    """Sees nothing: all pictures look alike, so that images alone lead nowhere."""

    def encode(self, frames: torch.Tensor) -> torch.Tensor:
        return 0.0 * super().encode(frames)

    def rollout(self, *arguments: torch.Tensor) -> torch.Tensor:
        return 0.0 * super().rollout(*arguments)


def test_nobody_plays_it_unless_asked(tmp_path: Path) -> None:
    plain = evaluation(tmp_path)
    names = [c.name for c in contestants_of(plain.entry(), plain.protocol)]
    assert not any(LABEL in name for name in (*names, *CONTROLS))
    informed = [c.name for c in contestants_of(plain.entry(), plain.protocol) if c.diagnosis]
    assert informed == []


def test_no_planner_setting_can_carry_a_goal_state() -> None:
    """Settings are single numbers and words: no room for seven numbers of a pose."""

    def leaves(settings: Any) -> Iterator[Any]:
        for value in settings.values():
            yield from leaves(value) if isinstance(value, dict) else [value]

    for name in PLANNERS:
        settings = load_planner(name).describe()
        assert "state" not in json.dumps(settings)
        assert {type(value) for value in leaves(settings)} <= {int, float, bool, str, type(None)}


def test_it_stands_apart_and_changes_nothing_that_counts(env: FakeReach, tmp_path: Path) -> None:
    blind = replace(evaluation(tmp_path).named_model, model=BlindModel())
    apart, without = (
        replace(
            evaluation(tmp_path / name, controls=("hold",), state_goal=weight), named_model=blind
        )
        for name, weight in (("apart", 5.0), ("without", 0.0))
    )
    told, fair = evaluate(apart, ignore), evaluate(without, ignore)
    task = told.tasks["reach"]
    assert task.score.successes == 0
    assert {name: score.successes for name, score in task.state_goal.items()} == {
        f"planner {LABEL} 5": 3
    }
    assert task.per_episode == fair.tasks["reach"].per_episode
    assert set(task.controls) == {"hold"}
    assert fair.tasks["reach"].state_goal == {}
    assert "state_goal" not in fair.to_dict()["tasks"]["reach"]
    assert "Counts for nothing" in markdown(told)
    assert LABEL not in paper_tables.paper_tables({"ours": told.to_dict()})
    append_results(tmp_path / "results.md", told, "command")
    assert LABEL not in (tmp_path / "results.md").read_text()


def test_energies_are_the_images_and_weighed_metres() -> None:
    class Still:
        def encode(self, frames: torch.Tensor) -> torch.Tensor:
            return frames.float()

        def rollout(self, latents: torch.Tensor, *rest: torch.Tensor) -> torch.Tensor:
            count, horizon = rest[-1].shape[:2]
            return latents[-1].expand(count, horizon, -1, -1)

    dynamics = StateGoalDynamics(Still(), weight=2.0)
    state, goal = torch.zeros(7), torch.zeros(7)
    goal[:3] = torch.tensor([0.05, 0.0, -0.01])
    latents = torch.zeros(9, 8)
    now, wanted = dynamics.joined(latents, state), dynamics.joined(latents + 0.7, goal)
    actions = torch.zeros(2, 1, 7)
    actions[1, 0] = goal
    imagined = dynamics.rollout(now[None], state[None], torch.zeros(0, 7), actions)
    assert imagined.shape == (2, 1, 9, 12)
    expected = pytest.approx([0.7 * 8 / 12 + 2 * 0.06, 0.7 * 8 / 12])
    assert energy(imagined[:, -1], wanted).tolist() == expected
    assert energy(blurred(imagined[:, -1]), blurred(wanted)).tolist() == expected
    spot = torch.zeros(9, 12)
    spot[4] = 1.0
    assert not torch.equal(blurred(spot), spot)  # the tokens are still a square grid


def test_a_negative_weight_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadValueError, match="state_goal is -1"):
        evaluation(tmp_path, state_goal=-1.0)


def test_squared_differences_do_not_add_up_with_metres(tmp_path: Path) -> None:
    run = evaluation(tmp_path, state_goal=1.0)
    squared = replace(run, planner=with_options(run.planner, ["objective.distance=l2"]))
    with pytest.raises(BadValueError, match=r"objective\.distance is 'l2', and --state-goal"):
        contestants_of(squared.entry(), squared.protocol)
    contestants_of(squared.entry(), replace(squared.protocol, state_goal=0.0))


def test_it_is_shown_as_many_moments_as_the_entrant(env: FakeReach, tmp_path: Path) -> None:
    class Watched(PixelModel):
        def rollout(self, *arguments: torch.Tensor) -> torch.Tensor:
            lived.append([len(part) for part in arguments[:3]])
            return super().rollout(*arguments)

    lived: list[list[int]] = []
    run = evaluation(tmp_path, state_goal=1.0)
    named = replace(run.named_model, model=Watched())
    entry = replace(run, named_model=named, context_frames=3).entry()
    scene = Scene(role="validation", seed=0, episode=0, level="light")
    play(env, TASKS["reach"], scene, state_goal_contestant(entry, 1.0))
    assert [lived[0], lived[3], lived[-1]] == [[1, 1, 0], [2, 2, 1], [3, 3, 2]]

"""What holds for every registered planner: ours, plug-ins, and the example of the docs."""

from __future__ import annotations

import importlib
import json
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from armchair.errors import BadValueError, UnknownNameError
from armchair.planners import (
    FREE_HAND,
    PLANNERS,
    ActionBounds,
    Objective,
    Plan,
    load_planner,
    planner_names,
    with_options,
)
from armchair.planners.energy import score
from tests.planners.linear_model import LinearModel, context
from tests.plugins import PLAIN, install, install_examples

NAMES = sorted({*planner_names(), "climb", "plain"})
GOAL = torch.tensor([[0.05, -0.03, 0.2, 0.9]])


@pytest.fixture(autouse=True, scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        site = tmp_path_factory.mktemp("site")
        install_examples(site, patch)
        install(site, patch, "plain_planner", PLAIN, "armchair.planners", "plain:Plain")
        yield


def plan(name: str, seed: int, model: LinearModel | None = None) -> Plan:
    generator = torch.Generator().manual_seed(seed)
    lifted = FREE_HAND if name in PLANNERS else ()  # without our rules for the hand
    planner = with_options(load_planner(name), lifted)
    return planner.plan(model or LinearModel(), context(2), GOAL, generator)


@pytest.mark.parametrize("name", NAMES)
def test_plan_is_well_formed_and_within_bounds(name: str) -> None:
    model = LinearModel()
    found = plan(name, 0, model)
    assert found.actions.ndim == 2
    assert found.actions.shape[1] == 7
    assert ActionBounds().contains(found.actions)
    assert found.evaluations == model.imagined
    assert list(found.history) == sorted(found.history, reverse=True)
    rescored = score(LinearModel(), context(2), found.actions[None], GOAL)
    assert found.energy == pytest.approx(float(rescored), abs=1e-6)


@pytest.mark.parametrize("name", [name for name in PLANNERS if name != "cem-waypoint"])
def test_the_energy_of_all_steps_is_the_answers_own(name: str) -> None:
    options = [*FREE_HAND, "horizon=3", "objective.steps=all"]
    planner = with_options(load_planner(name), options)
    found = planner.plan(LinearModel(), context(2), GOAL, torch.Generator().manual_seed(0))
    rescored = score(LinearModel(), context(2), found.actions[None], GOAL, Objective(steps="all"))
    assert found.energy == pytest.approx(float(rescored), abs=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_same_generator_same_plan_and_global_state_untouched(name: str) -> None:
    before = torch.get_rng_state()
    first, second, other = plan(name, 5), plan(name, 5), plan(name, 6)
    assert torch.equal(first.actions, second.actions)
    assert first.history == second.history
    assert not torch.equal(first.actions, other.actions)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("name", NAMES)
def test_settings_are_json_and_planner_pickles(name: str) -> None:
    planner = load_planner(name)
    assert json.loads(json.dumps(planner.describe(), allow_nan=False)) == planner.describe()
    assert pickle.loads(pickle.dumps(planner)).describe() == planner.describe()


@pytest.mark.parametrize("name", NAMES)
def test_every_candidate_is_within_bounds(name: str) -> None:
    class Watcher(LinearModel):
        def rollout(self, *args: torch.Tensor) -> torch.Tensor:
            assert ActionBounds().contains(args[-1].detach())
            return super().rollout(*args)

    plan(name, 1, Watcher())


def test_unknown_name_lists_the_known() -> None:
    with pytest.raises(UnknownNameError, match=r"Did you mean 'cem-paper'\?.*random-shooting"):
        load_planner("cem-papr")


def test_bare_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2]))
    monkeypatch.delitem(sys.modules, "planners", raising=False)
    with pytest.raises(ImportError, match=r"armchair\.planners"):
        importlib.import_module("planners")


def test_the_example_of_the_docs_is_a_planner_like_ours() -> None:
    assert "climb" in planner_names()
    goal = torch.tensor([[0.05, -0.03, 0.02, 0.5]])
    climber = with_options(load_planner("climb"), ["steps=60"])
    found = climber.plan(LinearModel(), context(), goal, torch.Generator().manual_seed(0))
    assert found.energy < 0.005
    with pytest.raises(UnknownNameError, match="Did you mean 'climb'"):
        load_planner("clim")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("planner = 3", "cannot be made"),
        ("", "cannot be made"),
        ("import nothing_of_that_name", "No module named"),
        ("planner = dict", "a dict without plan and describe"),
        (
            "def planner(): raise RuntimeError('no\\nweights')",
            r"fails as it is made \(no weights\)",
        ),
        ("def planner(): open('nowhere')", "fails as it is made .*nowhere"),
        ("def planner(): int('many')", "fails as it is made .*many"),
    ],
)
def test_a_broken_plug_in_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, message: str
) -> None:
    install(tmp_path, monkeypatch, "broken_plugin", source, "armchair.planners", "odd:planner")
    with pytest.raises(BadValueError, match=rf"planner 'odd' .*broken_plugin:planner.*{message}"):
        load_planner("odd")


def test_a_name_that_another_has_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = "armchair.planners"
    for module, name in (("usurper", "cem"), ("one_twin", "twin"), ("other_twin", "twin")):
        install(tmp_path, monkeypatch, module, PLAIN, group, f"{name}:Plain")
    with pytest.raises(
        BadValueError, match=r"planner 'cem' .* armchair itself and by usurper \(usurper:Plain\)"
    ):
        load_planner("cem")
    with pytest.raises(BadValueError, match=r"one_twin \(one_twin:Plain\) and by other_twin"):
        load_planner("twin")
    assert load_planner("icem")

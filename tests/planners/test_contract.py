"""What holds for every registered planner."""

from __future__ import annotations

import importlib
import json
import pickle
import sys
from pathlib import Path

import pytest
import torch

from armchair.errors import UnknownNameError
from armchair.planners import PLANNERS, ActionBounds, Plan, load_planner
from armchair.planners.energy import score
from tests.planners.linear_model import LinearModel, context

GOAL = torch.tensor([[0.05, -0.03, 0.2, 0.9]])


def plan(name: str, seed: int, model: LinearModel | None = None) -> Plan:
    generator = torch.Generator().manual_seed(seed)
    return load_planner(name).plan(model or LinearModel(), context(2), GOAL, generator)


@pytest.mark.parametrize("name", list(PLANNERS))
def test_plan_is_well_formed_and_within_bounds(name: str) -> None:
    model = LinearModel()
    found = plan(name, 0, model)
    assert found.actions.ndim == 2
    assert found.actions.shape[1] == 7
    assert ActionBounds().contains(found.actions)
    assert found.evaluations == model.imagined
    assert list(found.history) == sorted(found.history, reverse=True)
    rescored = score(LinearModel(), context(2), found.actions[None], GOAL)
    if load_planner(name).describe().get("returns") != "elite-mean":
        assert found.energy == pytest.approx(float(rescored), abs=1e-6)


@pytest.mark.parametrize("name", list(PLANNERS))
def test_same_generator_same_plan_and_global_state_untouched(name: str) -> None:
    before = torch.get_rng_state()
    first, second, other = plan(name, 5), plan(name, 5), plan(name, 6)
    assert torch.equal(first.actions, second.actions)
    assert first.history == second.history
    assert not torch.equal(first.actions, other.actions)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("name", list(PLANNERS))
def test_settings_are_json_and_planner_pickles(name: str) -> None:
    planner = load_planner(name)
    assert json.loads(json.dumps(planner.describe(), allow_nan=False)) == planner.describe()
    assert pickle.loads(pickle.dumps(planner)).describe() == planner.describe()


@pytest.mark.parametrize("name", list(PLANNERS))
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

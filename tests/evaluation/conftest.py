"""Fixtures: the fake task under the name `reach`, and a small planner on the fake model."""

from __future__ import annotations

from pathlib import Path

import pytest

from armchair.evaluation import run
from armchair.evaluation.benchmark import Protocol
from armchair.evaluation.contestants import ALL_CONTROLS
from armchair.evaluation.models import NamedModel, weights_sha256
from armchair.evaluation.run import Evaluation
from armchair.evaluation.tasks import Task
from armchair.planners import load_planner, with_options
from tests.evaluation.fakes import FakeReach, PixelModel

SMALL = ["samples=64", "iterations=3", "elites=8"]


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> FakeReach:
    """Return the one environment that every task will be played in."""
    fake = FakeReach()
    monkeypatch.setattr(Task, "make_env", lambda task: fake)
    monkeypatch.setattr(run, "code_version", lambda: "0123abc")
    return fake


def evaluation(out: Path, **changes: object) -> Evaluation:
    """Return a run of 3 episodes with all controls; changes go to the protocol."""
    model = PixelModel()
    protocol = {
        "role": "validation",
        "seed": 0,
        "level": "light",
        "episodes": 3,
        "controls": ALL_CONTROLS,
        "out": out,
        "videos": False,
    }
    return Evaluation(
        tasks=("reach",),
        named_model=NamedModel(model=model, name="pixels", sha256=weights_sha256(model)),
        planner_name="cem",
        planner=with_options(load_planner("cem"), SMALL),
        protocol=Protocol(**{**protocol, **changes}),  # type: ignore[arg-type]
    )

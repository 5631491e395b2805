"""Calibration: known turns are found and undone, in the numbers and in closed loop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from armchair.cli.main import main
from armchair.errors import BadValueError
from armchair.evaluation import camera_sweep, models
from armchair.evaluation.calibration import CalibratedPolicy, fit
from armchair.evaluation.calibration_page import page, slope_per_degree
from armchair.evaluation.camera_sweep import AREA_M, START_M, AngleResult, Sweep, walk
from armchair.evaluation.models import NamedModel
from armchair.planners import ActionBounds, Decision, Observation
from armchair.poses import compose
from tests.evaluation.fakes import CENTRE, FakeReach, PixelModel, picture_of


def turned(actions: np.ndarray, degrees: float) -> np.ndarray:
    """Return rows (n, 2) turned anticlockwise."""
    angle = np.deg2rad(degrees)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return actions @ matrix.T


def real_actions(count: int = 200) -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.05, 0.05, (count, 2))


@pytest.mark.parametrize("degrees", [-150.0, -30.0, 0.0, 12.5, 90.0, 170.0])
def test_a_known_turn_is_found(degrees: float) -> None:
    real = real_actions()
    noise = np.random.default_rng(1).normal(0, 0.004, real.shape)
    found = fit(0.8 * turned(real, degrees) + noise, real)
    assert found.rotation_deg == pytest.approx(degrees, abs=1.5)
    assert found.condition == pytest.approx(1.0, abs=0.1)
    assert not found.mirrored
    assert found.fitted_error_m <= found.turned_error_m + 1e-4
    if abs(degrees) > 20:
        assert found.turned_error_m < 0.5 * found.error_m


def test_a_stretch_shows_in_the_condition_and_a_mirror_is_told() -> None:
    real = real_actions()
    assert fit(real * [1.0, 0.5], real).condition == pytest.approx(2.0)
    mirrored = fit(real * [1.0, -0.9], real)
    assert mirrored.mirrored
    assert np.linalg.det(mirrored.turn) == pytest.approx(1.0), "a rotation all the same"


def test_mirrored_angles_are_told_and_left_out() -> None:
    real = real_actions()
    fits = {35.0: turned(real, 10.0), 45.0: turned(real, 20.0) * [1.0, -1.0]}
    fits |= {55.0: turned(real, 30.0), 65.0: turned(real, 40.0)}
    results = [AngleResult(angle_deg=a, calibration=fit(seen, real)) for a, seen in fits.items()]
    assert slope_per_degree(results) == pytest.approx(1.0, abs=1e-6)
    text = page(results)
    assert "Mirrored at 45°:" in text
    assert "| 45 | 200 | mirrored |" in text
    assert slope_per_degree(results[:2]) is None


def test_what_cannot_be_fitted_is_named() -> None:
    real = real_actions(10)
    with pytest.raises(BadValueError, match="span the plane"):
        fit(real * [1.0, 0.0], real)
    with pytest.raises(BadValueError, match="2 pairs"):
        fit(real[:2], real[:2])
    with pytest.raises(BadValueError, match=r"\(10, 2\), real ones \(9, 2\)"):
        fit(real, real[:9])
    with pytest.raises(BadValueError, match="angles"):
        Sweep(angles=(400.0,))
    with pytest.raises(BadValueError, match="steps is 3"):
        Sweep(steps=3)


def test_the_turn_is_applied_within_bounds() -> None:
    class Fixed:
        def start(self, *_: Any) -> None: ...

        def act(self, observation: Observation) -> Decision:
            return Decision(action=np.array([0.075, 0.05, 0.01, 0, 0, 0, 0.4]))

    real = real_actions()
    turn = fit(turned(real, 90.0), real).turn
    seen = Observation(frame=np.zeros((2, 2, 3), np.uint8), state=np.zeros(7))
    action = CalibratedPolicy(Fixed(), turn, ActionBounds()).act(seen).action
    np.testing.assert_allclose(action, [0.05, -0.075, 0.01, 0, 0, 0, 0.4], atol=1e-9)


class FakeArm:
    """Moves exactly as told."""

    def __init__(self) -> None:
        self.state_now = np.array([*CENTRE, np.pi, 0.0, 0.0, 0.0])

    def new_scene(self, level: str, rng: np.random.Generator) -> None:
        self.state_now = np.array([*CENTRE, np.pi, 0.0, 0.0, 0.0])

    def drive_to(self, position: np.ndarray) -> float:
        self.state_now[:3] = position
        return 0.0

    def state(self) -> np.ndarray:
        return self.state_now.copy()

    def frame(self) -> np.ndarray:
        return picture_of(self.state_now)

    def move(self, action: np.ndarray) -> None:
        self.state_now = compose(self.state_now, action)

    def close(self) -> None: ...


def test_the_walk_stays_in_its_plane_and_repeats_itself() -> None:
    states = np.stack([seen.state for seen in walk(FakeArm(), 60, "none", 3)])  # type: ignore[arg-type]
    np.testing.assert_allclose(states[:, 2], START_M[2])
    assert bool((np.abs(states[:, :2] - START_M[:2]) <= AREA_M + 1e-9).all())
    steps = np.linalg.norm(np.diff(states[:, :2], axis=0), axis=1)
    assert 0.03 <= steps.min() < steps.max() <= 0.07
    again = np.stack([seen.state for seen in walk(FakeArm(), 60, "none", 3)])  # type: ignore[arg-type]
    np.testing.assert_array_equal(states, again)


class TurnedModel(PixelModel):
    """Believes that every action is turned by -120°: the inferred ones lead away."""

    def rollout(self, *arguments: Tensor) -> Tensor:
        candidates = arguments[-1].clone()
        flat = candidates[..., :2].reshape(-1, 2).numpy()
        back = torch.from_numpy(turned(flat, -120.0)).to(candidates)
        candidates[..., :2] = back.reshape(candidates[..., :2].shape)
        return super().rollout(*arguments[:-1], candidates)


def test_the_verb_finds_the_turn_and_closes_the_loop(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    named = NamedModel(model=TurnedModel(), name="turned", sha256="0" * 64)
    monkeypatch.setattr(models, "load_world_model", lambda name: named)
    monkeypatch.setattr(camera_sweep, "robot_at", lambda angle: FakeArm())
    monkeypatch.setattr(camera_sweep.gymnasium, "make", lambda *_, **__: FakeReach())
    options = ["--angles", "35", "45", "--steps", "24", "--episodes", "2", "--level", "light"]
    small = ["--planner-options", "samples=64", "iterations=4", "--out", str(tmp_path)]
    assert main(["calibrate", *options, *small]) == 0
    numbers = json.loads((tmp_path / "calibrate.json").read_text())
    for angle in numbers["angles"]:
        assert angle["rotation_deg"] == pytest.approx(120.0, abs=4.0)
        assert angle["pairs"] == 23
        assert (angle["successes"], angle["successes_turned"]) == (0, 2)
    wanted = {"angles": [35.0, 45.0], "steps": 24, "level": "light", "seed": 0, "episodes": 2}
    assert numbers["sweep"] == wanted
    assert (numbers["planner"]["name"], numbers["planner"]["samples"]) == ("cem", 64)
    assert numbers["slope_per_degree"] == pytest.approx(0.0, abs=0.2)
    text = (tmp_path / "calibrate.md").read_text()
    assert "Closed loop, all angles" in text
    assert "4/4 turned" in text
    assert (tmp_path / "calibrate.png").stat().st_size > 5000


def test_pairs_without_numbers_are_left_out_and_what_is_done_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Failing(PixelModel):
        plans = 0

        def rollout(self, *arguments: Tensor) -> Tensor:
            imagined = super().rollout(*arguments)
            self.plans += 1
            first, blind = self.plans == 1, self.plans > 24
            return imagined * float("nan") if first or blind else imagined

    named = NamedModel(model=Failing(), name="failing", sha256="0" * 64)
    monkeypatch.setattr(models, "load_world_model", lambda name: named)
    monkeypatch.setattr(camera_sweep, "robot_at", lambda angle: FakeArm())
    options = ["--angles", "35", "45", "--steps", "24", "--planner", "random-shooting"]
    assert main(["calibrate", *options, "--out", str(tmp_path)]) == 2
    (angle,) = json.loads((tmp_path / "calibrate.json").read_text())["angles"]
    assert (angle["angle_deg"], angle["pairs"], angle["dropped"]) == (35.0, 22, 1)
    assert "imagined no number: 1 at 35°." in (tmp_path / "calibrate.md").read_text()
    assert "not finite numbers" in capsys.readouterr().err


def test_a_model_that_imagines_no_number_is_the_reason_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Blind(PixelModel):
        def rollout(self, *arguments: Tensor) -> Tensor:
            return super().rollout(*arguments) * float("nan")

    named = NamedModel(model=Blind(), name="blind", sha256="0" * 64)
    monkeypatch.setattr(models, "load_world_model", lambda name: named)
    monkeypatch.setattr(camera_sweep, "robot_at", lambda angle: FakeArm())
    assert main(["calibrate", "--steps", "4", "--out", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert "not finite numbers" in told
    assert "walk more steps" not in told

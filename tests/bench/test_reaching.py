"""The race to the paper's energy: who got there, when, and that answers are scored plainly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from armchair.bench import reaching
from armchair.bench.measurement import BENCHMARKS, BenchSetting
from armchair.bench.reaching import Race, Run
from armchair.evaluation.episode import Scene
from armchair.evaluation.pairs import FramePair
from armchair.planners import FREE_HAND, Observation, load_planner, with_options
from tests.factories import robot_log, smooth_frames
from tests.worldmodel.models import tiny_sandbox


def race(*runs: tuple[float, float]) -> Race:
    references = tuple(Run(seconds=10.0, processor=9.0, energy=1.0) for _ in runs)
    ours = tuple(Run(seconds=s, processor=s / 2, energy=e) for s, e in runs)
    return Race(runs=ours, references=references)


def test_who_got_there_and_when() -> None:
    found = race((1.0, 0.9), (3.0, 1.0), (0.1, 1.1))
    assert found.reached == [True, True, False]
    assert found.seconds_to_energy == 3.0
    assert found.speedup == pytest.approx(10 / 3)
    assert found.speedup_processor_time == pytest.approx(9 / 1.5)


def test_mostly_failing_is_never_getting_there() -> None:
    found = race((0.1, 1.1), (0.1, 1.1), (1.0, 0.5))
    assert found.seconds_to_energy == float("inf")
    assert found.speedup == 0.0
    assert race((0.1, 1.1), (1.0, 0.5)).speedup == 0.0  # half is not most


def test_energies_equal_up_to_rounding_are_reached() -> None:
    assert race((1.0, 1.0 + 1e-6)).reached == [True]
    assert race((1.0, 1.0 + 1e-4)).reached == [False]


def pair(scene: Scene) -> FramePair:
    pose = robot_log(2, seed=scene.episode)
    states = np.column_stack([pose.cartesian_position, pose.gripper_position])
    frames = smooth_frames(2, size=32, seed=scene.episode)
    before, after = (Observation(frame=frames[i], state=states[i]) for i in range(2))
    return FramePair(name="made", before=before, after=after)


def test_the_benchmark_at_a_tiny_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaching, "simulated_pair", pair)
    tiny = with_options(load_planner("cem-paper"), ["samples=12", "iterations=2", "elites=3"])
    contenders = ("cem-fit:samples=16,iterations=3", "random-shooting:samples=1")
    monkeypatch.setattr(
        reaching, "load_planner", lambda name: tiny if name == "cem-paper" else load_planner(name)
    )
    setting = BenchSetting(
        model=tiny_sandbox(), planner=tiny, repeats=1, problems=3, contenders=contenders
    )
    found = BENCHMARKS["time-to-energy"](setting)
    assert found.figures[f"{contenders[0]}: share that got there"] == 1.0
    assert found.figures[f"{contenders[1]}: speedup to the energy"] == 0.0
    best = found.figures["best speedup to the energy"]
    assert best == found.figures[f"{contenders[0]}: speedup to the energy"] > 0
    assert found.reference_seconds > 0


def test_a_contender_is_a_name_with_options() -> None:
    assert reaching.contender("cem:samples=9,elites=5").describe()["samples"] == 9
    assert reaching.contender("cem") == with_options(load_planner("cem"), FREE_HAND)


def test_problems_come_from_logged_episodes(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(
        reaching, "drawn_pairs", lambda folder, count, seed: asked.append((folder, count)) or []
    )
    setting = BenchSetting(
        model=tiny_sandbox(), planner=load_planner("cem"), problems=7, episodes=Path("logged")
    )
    assert reaching.pairs(setting) == []
    assert asked == [(Path("logged"), 7)]

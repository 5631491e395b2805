"""The plain rendering is what it says, and the agreement figures by hand."""

from __future__ import annotations

import pytest
import torch

from armchair.bench import planning
from armchair.bench.measurement import BENCHMARKS, BenchSetting
from armchair.bench.plain import multiplications, plain_energies
from armchair.evaluation.episode import Scene
from armchair.planners import Context, Observation, load_planner
from armchair.planners.energy import score
from armchair.worldmodel import precision
from armchair.worldmodel.model import WorldModel
from tests.factories import robot_log, smooth_frames
from tests.worldmodel.models import tiny_sandbox


def moments(frames: int) -> tuple[Observation, ...]:
    robot = robot_log(frames)
    states = torch.cat(
        [torch.tensor(robot.cartesian_position), torch.tensor(robot.gripper_position)[:, None]], 1
    )
    pictures = smooth_frames(frames, size=32)
    return tuple(
        Observation(frame=picture, state=state.numpy())
        for picture, state in zip(pictures, states, strict=True)
    )


def walk(scene: Scene, moves: int) -> tuple[Observation, ...]:
    return moments(moves + 1)


@pytest.mark.parametrize("sandbox", [True, False])
@pytest.mark.parametrize(("frames", "horizon"), [(1, 2), (3, 4)])
def test_the_plain_rendering_gives_the_same_energies(
    monkeypatch: pytest.MonkeyPatch, sandbox: bool, frames: int, horizon: int
) -> None:
    monkeypatch.setenv(precision.FLOAT32_SWITCH, "1")
    model = tiny_sandbox()
    if not sandbox:
        model = WorldModel(model.encoder, model.predictor)
    generator = torch.Generator().manual_seed(0)
    context = Context(
        latents=torch.randn(frames, 4, 24, generator=generator),
        states=torch.randn(frames, 7, generator=generator) * 0.3,
        past_actions=torch.randn(frames - 1, 7, generator=generator) * 0.1,
    )
    candidates = torch.randn(5, horizon, 7, generator=generator) * 0.1
    goal = torch.randn(4, 24, generator=generator)
    plain = plain_energies(model, context, candidates, goal)
    assert float(plain.std()) > 1e-4
    torch.testing.assert_close(plain, score(model, context, candidates, goal), atol=1e-5, rtol=1e-5)


def test_the_error_is_of_several_scenes(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def noted(scene: Scene, moves: int) -> tuple[Observation, ...]:
        seen.append(scene.episode)
        return walk(scene, moves)

    monkeypatch.setattr(planning, "simulated_walk", noted)
    setting = BenchSetting(model=tiny_sandbox(), planner=load_planner("cem"), repeats=1)
    BENCHMARKS["plan"](setting)
    assert set(seen) == set(range(planning.SCENES))


def test_agreement_by_hand() -> None:
    reference = torch.tensor([1.0, 2.0, 3.0, 4.0])
    same = planning.agreement(reference, reference)
    assert same["error_percent"] == same["error_percent_of_range"] == 0.0
    assert same["rank_correlation"] == pytest.approx(1.0)
    off = planning.agreement(torch.tensor([2.0, 1.0, 3.0, 4.0]), reference)
    assert off["error_percent"] == pytest.approx(100 * 0.5 / (5 / 4) ** 0.5)
    assert off["error_percent_of_range"] == pytest.approx(100 * 0.5 / 3)
    assert off["rank_correlation"] == pytest.approx(0.8)


def test_operations_are_counted_by_hand() -> None:
    model = tiny_sandbox()
    weights = sum(w.numel() for w in model.predictor.parameters() if w.ndim == 2)
    one, two = 6, 12  # tokens of one frame and of two
    by_hand = 2 * weights * (one + two) + 2 * 2 * 2 * 48 * (one**2 + two**2)
    assert multiplications(model, 1, 2) == by_hand
    kept = 2 * weights * (one + one) + 2 * 2 * 2 * 48 * (one * one + one * two)
    assert multiplications(model, 1, 2, cached=True) == kept
    far = planning.looking_back(model, 2)  # beyond the window both do two frames a step
    assert multiplications(far, 3, 3) == 3 * (
        multiplications(model, 1, 2) - multiplications(model, 1, 1)
    )
    last = multiplications(far, 3, 3, cached=True) - multiplications(far, 3, 2, cached=True)
    assert last == multiplications(far, 3, 3) / 3


@pytest.mark.parametrize("name", ["plan", "plan-long"])
def test_the_benchmark_says_how_fast_and_how_true(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(planning, "simulated_walk", walk)
    setting = BenchSetting(model=tiny_sandbox(), planner=load_planner("cem"), repeats=1)
    found = BENCHMARKS[name](setting)
    assert found.figures["speedup"] == pytest.approx(1 / found.ratio)
    assert found.figures["rank_correlation"] > 0.9
    assert found.figures["rank_correlation_worst"] <= found.figures["rank_correlation"]
    assert found.figures["error_percent_worst"] >= found.figures["error_percent"]
    assert found.figures["reference_share_of_peak"] > 0
    assert found.figures["operations_saved"] > 1.3
    assert found.figures["lower_precision_products"] > 0

"""What holds for every world model: the shipped one, plug-ins, and the example of the docs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from armchair.cli.main import BAD_INPUT, main
from armchair.errors import BadValueError
from armchair.evaluation.models import NamedModel, load_world_model
from armchair.planners import Context, LatentDynamics, load_planner, with_options
from armchair.planners.plugins import plugin_names
from armchair.worldmodel.model_files import ENTRY_POINT_GROUP, SHIPPED
from tests.factories import smooth_frames
from tests.plugins import install, install_examples

SHIPPED_NAMES = ["default"] if (SHIPPED / "default").exists() else []
NAMES = sorted({*SHIPPED_NAMES, *plugin_names(ENTRY_POINT_GROUP), "straight"})


@pytest.fixture(autouse=True, scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        install_examples(tmp_path_factory.mktemp("site"), patch)
        yield


@pytest.fixture(scope="module", params=NAMES)
def named(request: pytest.FixtureRequest, examples: None) -> NamedModel:
    return load_world_model(request.param)


def lived(model: LatentDynamics, frames: int) -> Context:
    pictures = torch.from_numpy(smooth_frames(frames, size=256))
    latents = model.encode(pictures)
    state = torch.tensor([0.46, 0.0, 0.36, torch.pi, 0.0, 0.0, 0.2], device=latents.device)
    return Context(
        latents=latents,
        states=state.repeat(frames, 1),
        past_actions=torch.zeros(frames - 1, 7, device=latents.device),
    )


def candidates(count: int, horizon: int) -> Tensor:
    noise = torch.rand((count, horizon, 7), generator=torch.Generator().manual_seed(0)) - 0.5
    return noise * torch.tensor([0.15, 0.15, 0.15, 0, 0, 0, 1.0])


def rollout(model: LatentDynamics, context: Context, plans: Tensor) -> Tensor:
    plans = plans.to(context.latents)
    return model.rollout(context.latents, context.states, context.past_actions, plans)


def apart(one: Tensor, other: Tensor) -> float:
    """Return the mean difference: bfloat16 sums go by batch size, and single ones far astray."""
    return float((one - other).abs().mean())


def test_frames_are_encoded_alone_and_repeatably(named: NamedModel) -> None:
    pictures = torch.from_numpy(smooth_frames(3, size=256))
    latents = named.model.encode(pictures)
    assert latents.ndim == 3
    assert latents.is_floating_point()
    assert bool(latents.isfinite().all())
    torch.testing.assert_close(named.model.encode(pictures), latents)
    torch.testing.assert_close(named.model.encode(pictures[1:2])[0], latents[1], atol=1e-4, rtol=0)
    assert not torch.equal(latents[0], latents[2])


@pytest.mark.parametrize("frames", [1, 2])
def test_imagination_has_its_shape_and_keeps_candidates_apart(
    named: NamedModel, frames: int
) -> None:
    context, plans = lived(named.model, frames), candidates(4, 2)
    imagined = rollout(named.model, context, plans)
    assert imagined.shape == (4, 2, *context.latents.shape[1:])
    assert bool(imagined.isfinite().all())
    spread = float(imagined.std())
    alone = rollout(named.model, context, plans[2:3])[0]
    assert apart(alone, imagined[2]) < 0.005 * spread
    first = rollout(named.model, context, plans[:, :1])
    assert apart(first[:, 0], imagined[:, 0]) < 0.005 * spread
    assert apart(imagined[0], imagined[2]) > 0.02 * spread, "another's would not pass for it"


def test_a_planner_searches_in_it(named: NamedModel) -> None:
    planner = with_options(load_planner("cem"), ["samples=8", "iterations=2", "elites=4"])
    context = lived(named.model, 1)
    state = torch.get_rng_state()
    plans = [
        planner.plan(named.model, context, context.latents[0], torch.Generator().manual_seed(0))
        for _ in range(2)
    ]
    assert torch.equal(plans[0].actions, plans[1].actions)
    assert torch.equal(state, torch.get_rng_state())
    assert plans[0].dropped == 0


def test_the_example_gives_gradients() -> None:
    model = load_world_model("straight").model
    context = lived(model, 1)
    goal = rollout(model, context, torch.tensor([[[0.0, 0.05, -0.03, 0, 0, 0, 0]]]))[0, 0]
    planner = load_planner("gradient")
    found = planner.plan(model, context, goal, torch.Generator().manual_seed(0))
    assert found.energy < 0.3 * found.history[0]
    assert torch.allclose(found.actions[0, 1:3], torch.tensor([0.05, -0.03]), atol=0.01)


def test_a_plug_in_takes_no_name_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "usurper", "", ENTRY_POINT_GROUP, "default:Model")
    with pytest.raises(
        BadValueError, match=r"world model 'default' .* armchair itself and by usurp"
    ):
        load_world_model("default")


@pytest.mark.parametrize(
    "command",
    [
        "bench --only plan --model straight",
        "infer --episodes . --model straight",
        "imagine --episodes . --model straight --out OUT",
        "convert --source straight --out OUT",
    ],
)
def test_verbs_that_need_a_model_of_ours_say_so(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command.replace("OUT", str(tmp_path / "out")).split()) == BAD_INPUT
    err = capsys.readouterr().err
    assert "model 'straight' is a plug-in: evaluate, landscape, calibrate and watch take" in err

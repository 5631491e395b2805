"""A predictor with a token of camera numbers: as the reference has it, in every way to call."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from armchair.errors import BadValueError
from armchair.worldmodel import meta, poses, precision
from armchair.worldmodel.losses import ac_losses
from armchair.worldmodel.model import WorldModel
from armchair.worldmodel.model_files import WorldModelConfig
from armchair.worldmodel.statistics import layer_normalised
from tests.worldmodel.test_golden_sizes import SMALL, architecture

pytestmark = pytest.mark.usefixtures("float32")


@pytest.fixture
def float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(precision.FLOAT32_SWITCH, "1")


@pytest.fixture(scope="module")
def model() -> WorldModel:
    encoder, predictor = architecture(json.loads((SMALL / "extrinsics48.json").read_text()))
    assert encoder is not None
    config = WorldModelConfig(
        encoder=encoder, predictor=predictor, sandbox=False, seconds_per_step=4 / 15
    )
    return meta.load_ac(SMALL / "extrinsics48.pt", config)


@pytest.fixture(scope="module")
def golden() -> dict[str, Tensor]:
    return load_file(SMALL / "extrinsics48.safetensors")


def clip(golden: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    tokens = golden["in.tokens"].unflatten(1, (5, 9))
    return tokens, golden["in.states"], golden["in.actions"], golden["in.extrinsics"]


def test_a_world_model_agrees_with_the_reference(
    model: WorldModel, golden: dict[str, Tensor]
) -> None:
    expected = layer_normalised(golden["out.predicted"]).unflatten(1, (5, 9))
    torch.testing.assert_close(model.predict(*clip(golden)), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("window", [None, 2])
def test_rollouts_keep_the_camera(
    model: WorldModel, golden: dict[str, Tensor], window: int | None
) -> None:
    tokens, states, actions, cameras = (part[0, :2] for part in clip(golden))
    plans = 0.1 * torch.randn(3, 2, 7, generator=torch.Generator().manual_seed(0))
    object.__setattr__(model.predictor.config, "context_frames", window)
    lived = tokens, states, actions[:1]
    imagined = model.rollout(*lived, plans, cameras)
    together = [part[None] for part in (*lived, plans, cameras)]
    torch.testing.assert_close(model.rollout_batch(*together)[0], imagined)
    object.__setattr__(model.predictor.config, "context_frames", None)

    plan, size = plans[1], window or 5
    z, s, e = tokens, states, torch.cat([cameras, cameras[-1:]])
    a = torch.cat([actions[:1], plan])
    for step in range(2):
        seen = slice(max(0, 2 + step - size), 2 + step)
        parts = (z[seen], s[seen], a[seen], e[seen])
        z = torch.cat([z, model.predict(*(part[None] for part in parts))[0, -1:]])
        s = torch.cat([s, poses.compose(s[-1:], plan[step : step + 1])])
    torch.testing.assert_close(imagined[1], z[2:], atol=1e-4, rtol=1e-4)
    elsewhere = model.rollout(*lived, plans, cameras + 1.0)
    assert (elsewhere - imagined).abs().max() > 1e-2


def test_losses_read_the_camera(model: WorldModel, golden: dict[str, Tensor]) -> None:
    tokens, states, actions, cameras = clip(golden)
    here, there = (
        ac_losses(model, tokens, states, actions[:, :4], 2, e) for e in (cameras, cameras + 1.0)
    )
    assert abs(float(here.teacher_forcing - there.teacher_forcing)) > 1e-4
    assert abs(float(here.rollout - there.rollout)) > 1e-4


def test_without_the_camera_it_is_one_line(model: WorldModel, golden: dict[str, Tensor]) -> None:
    tokens, states, actions, _ = clip(golden)
    with pytest.raises(BadValueError, match="needs extrinsics"):
        model.predict(tokens, states, actions)

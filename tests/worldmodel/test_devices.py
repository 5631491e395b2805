"""Nothing is left behind on the CPU when a model moves: every path, on a device that has no memory.

Tensors on the device `meta` have a shape and no numbers; mixing them with those of the CPU raises,
as it would on a GPU.
"""

from __future__ import annotations

import pytest
import torch

from armchair.worldmodel.decoding.network import DecoderSize, FrameDecoder
from armchair.worldmodel.losses import ac_losses
from armchair.worldmodel.model import WorldModel
from tests.worldmodel.models import tiny_sandbox


@pytest.fixture(params=["sandbox", "paper"])
def model(request: pytest.FixtureRequest) -> WorldModel:
    real = tiny_sandbox()
    if request.param == "paper":
        real = WorldModel(real.encoder, real.predictor)
    return real.to("meta")


def lived(frames: int, lead: tuple[int, ...] = ()) -> tuple[torch.Tensor, ...]:
    """Latents on the device; states, actions and plans as robots and planners give them."""
    latents = torch.zeros(*lead, frames, 4, 24, device="meta")
    states, actions = torch.zeros(*lead, frames, 7), torch.zeros(*lead, frames - 1, 7)
    return latents, states, actions, torch.zeros(*lead, 5, 2, 7)


def test_the_device_tells_a_forgotten_tensor() -> None:
    with pytest.raises(RuntimeError, match="device"):
        torch.zeros(3, device="meta") + torch.zeros(3)


def test_encoding(model: WorldModel) -> None:
    latents = model.latents_of(model.encoder(torch.zeros(3, 48, 64, 3, dtype=torch.uint8)))
    assert model.device.type == latents.device.type == "meta"
    assert model.tokens_of(latents).shape == (3, 4, 24)


@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("window", [None, 2])
def test_rollouts(model: WorldModel, frames: int, window: int | None) -> None:
    object.__setattr__(model.predictor.config, "context_frames", window)
    assert model.rollout(*lived(frames)).device.type == "meta"
    together = model.rollout_batch(*lived(frames, (2,)))
    assert together.device.type == "meta"
    assert together.shape == (2, 5, 2, 4, 24)


def test_losses_and_gradients(model: WorldModel) -> None:
    model.predictor.requires_grad_(True)
    latents, states = torch.zeros(2, 3, 4, 24, device="meta"), torch.zeros(2, 3, 7, device="meta")
    ac_losses(model, latents, states, states[:, :2]).total.backward()
    gradients = [p.grad for p in model.predictor.parameters() if p.grad is not None]
    assert len(gradients) > 10
    assert all(gradient.device.type == "meta" for gradient in gradients)


def test_the_decoder(model: WorldModel) -> None:
    decoder = FrameDecoder(model.encoder.config, DecoderSize(width=24, depth=1, heads=2))
    tokens = torch.zeros(2, 4, 24, device="meta")
    assert decoder.to("meta").pictures(tokens).shape == (2, 32, 32, 3)

"""Rollouts look back on no more frames than the predictor was trained on."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from armchair.errors import BadValueError
from armchair.worldmodel import poses
from armchair.worldmodel.model import WorldModel
from armchair.worldmodel.precision import FLOAT32_SWITCH
from armchair.worldmodel.predictor import PredictorConfig
from tests.worldmodel.models import tiny_sandbox


@pytest.fixture(autouse=True)
def in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FLOAT32_SWITCH, "1")


def windowed(frames: int | None) -> WorldModel:
    model = tiny_sandbox()
    model.predictor.config = replace(model.predictor.config, context_frames=frames)
    return model


def context(frames: int, steps: int) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(1)
    latents = torch.randn(frames, 4, 24, generator=generator)
    states = torch.rand(frames, 7, generator=generator)
    past = 0.1 * torch.randn(frames - 1, 7, generator=generator)
    return latents, states, past, 0.1 * torch.randn(5, steps, 7, generator=generator)


def test_within_the_window_nothing_changes() -> None:
    inputs = context(2, 3)
    assert torch.equal(windowed(4).rollout(*inputs), windowed(None).rollout(*inputs))


def test_beyond_it_old_frames_are_forgotten() -> None:
    latents, states, past, candidates = context(3, 4)
    model = windowed(2)
    found = model.rollout(latents, states, past, candidates)
    z = [*latents[-2:].expand(5, -1, -1, -1).unbind(1)]
    s, a = [*states[-2:].expand(5, -1, -1).unbind(1)], [past[-1].expand(5, -1)]
    for action in candidates.unbind(1):
        a.append(action)
        last = (torch.stack(part[-2:], dim=1) for part in (z, s, a))
        z.append(model.predict(*last)[:, -1])
        s.append(poses.compose(s[-1], action))
    torch.testing.assert_close(found, torch.stack(z[2:], dim=1), atol=1e-5, rtol=1e-5)
    latents[0] += 1.0
    assert torch.equal(model.rollout(latents, states, past, candidates), found)
    assert (windowed(None).rollout(latents, states, past, candidates) - found).abs().max() > 1e-3


def test_environments_together_and_gradients() -> None:
    one, model = context(1, 4), windowed(2)
    alone = model.rollout(*one)
    both = model.rollout_batch(*(torch.stack([part, part]) for part in one))
    torch.testing.assert_close(both[1], alone, atol=1e-5, rtol=1e-5)
    candidates = one[3].clone().requires_grad_(True)
    model.rollout(*one[:3], candidates).sum().backward()
    assert candidates.grad is not None
    assert (candidates.grad.abs().sum((0, 2)) > 0).all()


def test_a_window_is_checked() -> None:
    with pytest.raises(BadValueError, match=r"context_frames 20 must lie in 1 … max_frames 16"):
        PredictorConfig(context_frames=20)

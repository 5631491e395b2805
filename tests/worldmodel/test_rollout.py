"""Imagination: remembering equals recomputing, whatever the chunks, context and number format."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from armchair.errors import BadValueError
from armchair.planners import load_planner, with_options
from armchair.planners.protocol import Context
from armchair.worldmodel import model as model_module
from armchair.worldmodel import module_rollouts, packed, poses, precision, rollouts
from armchair.worldmodel.losses import ac_losses
from armchair.worldmodel.model import WorldModel
from armchair.worldmodel.optimisation.adamw import AdamWConfig, Optimiser
from tests.worldmodel.models import tiny_sandbox


@pytest.fixture
def float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(precision.FLOAT32_SWITCH, "1")


def context(frames: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    latents = torch.randn(frames, 4, 24, generator=generator)
    states = torch.randn(frames, 7, generator=generator) * 0.3
    states[:, 3] += torch.pi  # as DROID's reset pose, on the cut
    states[:, 6] = 0.5
    return latents, states, torch.randn(frames - 1, 7, generator=generator) * 0.1


def candidates(count: int, horizon: int) -> Tensor:
    return torch.randn(count, horizon, 7, generator=torch.Generator().manual_seed(9)) * 0.1


def recomputed(
    model: WorldModel, latents: Tensor, states: Tensor, past_actions: Tensor, plans: Tensor
) -> Tensor:
    """The same imagination by whole forward passes, one candidate at a time."""
    imagined = []
    for plan in plans:
        z, s = latents, states
        for step in range(len(plan)):
            actions = torch.cat([past_actions, plan[: step + 1]])
            z = torch.cat([z, model.predict(z[None], s[None], actions[None])[0, -1:]])
            s = torch.cat([s, poses.compose(s[-1:], actions[-1:])])
        imagined.append(z[len(latents) :])
    return torch.stack(imagined)


def in_chunks(monkeypatch: pytest.MonkeyPatch, tokens: int) -> None:
    """Let so many tokens be imagined at once."""
    monkeypatch.setattr(model_module, "TOKENS_PER_CORE", tokens)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)


@pytest.mark.usefixtures("float32")
@pytest.mark.parametrize("frames", [1, 2, 3])
@pytest.mark.parametrize("horizon", [1, 3])
def test_remembering_equals_recomputing(sandbox: WorldModel, frames: int, horizon: int) -> None:
    lived, plans = context(frames), candidates(5, horizon)
    imagined = sandbox.rollout(*lived, plans)
    assert imagined.shape == (5, horizon, 4, 24)
    torch.testing.assert_close(imagined, recomputed(sandbox, *lived, plans), atol=1e-4, rtol=1e-4)


@pytest.mark.usefixtures("float32")
@pytest.mark.parametrize("window", [None, 1, 2, 3])
@pytest.mark.parametrize("units", ["sandbox", "paper"])
def test_the_packed_network_equals_the_modules(
    monkeypatch: pytest.MonkeyPatch, window: int | None, units: str
) -> None:
    model = tiny_sandbox()
    if units == "paper":
        model = WorldModel(model.encoder, model.predictor)
    model.predictor.config = replace(model.predictor.config, context_frames=window)
    lived = [torch.stack(part) for part in zip(context(3), context(3, seed=1), strict=True)]
    plans = candidates(8, 3).unflatten(0, (2, 4))
    in_chunks(monkeypatch, tokens=18)
    ours = model.rollout_batch(*lived, plans)
    modules = module_rollouts.imagine(model, rollouts.Context(*lived), plans, None, chunk=3)
    torch.testing.assert_close(ours, modules, atol=1e-4, rtol=1e-4)


@pytest.mark.usefixtures("float32")
def test_compiled_rollouts_equal_plain_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Traced as torch.compile traces them; only that no machine code is made of it here."""
    honest, compiled = nn.Module.compile, []

    def traced(block: nn.Module, **_: str) -> None:
        compiled.append(block)
        honest(block, backend="eager")

    monkeypatch.setattr(nn.Module, "compile", traced)
    model, plans = tiny_sandbox(), candidates(3, 2)
    model.predictor.predictor_blocks = model.predictor.predictor_blocks[:1]
    plain = model.rollout(*context(1), plans)
    planner = with_options(
        load_planner("random-shooting"), ["samples=3", "horizon=2", "compile=true"]
    )
    latents, states, past = context(1)
    now = Context(latents=latents, states=states, past_actions=past)
    for _ in range(2):  # compiled once
        planner.plan(model, now, latents[0], torch.Generator().manual_seed(0))
    assert compiled == list(model.predictor.predictor_blocks)
    found = model.rollout(*context(1), plans)
    torch.testing.assert_close(found, plain, atol=1e-4, rtol=1e-4)


@pytest.mark.usefixtures("float32")
@pytest.mark.parametrize("change", ["in place", "an optimiser", "other weights"])
def test_weights_that_change_are_packed_anew(change: str) -> None:
    model, plans = tiny_sandbox(), candidates(2, 1)
    before = model.rollout(*context(1), plans)
    bias = model.predictor.predictor_proj.bias
    if change == "in place":
        with torch.no_grad():
            bias += 1.0
    elif change == "an optimiser":
        bias.grad = -torch.ones_like(bias)
        torch.optim.SGD([bias], lr=1.0).step()
    else:
        model.predictor.predictor_proj.bias = nn.Parameter(bias.detach() + 1.0)
    torch.testing.assert_close(model.rollout(*context(1), plans), before + 1.0)


def test_weights_that_our_optimiser_moves_are_packed_anew() -> None:
    model, plans = tiny_sandbox(), candidates(2, 1)
    before = model.rollout(*context(1), plans)
    optimiser = Optimiser([model.predictor.requires_grad_(True)], AdamWConfig())
    for weight in model.predictor.parameters():
        weight.grad = torch.randn(weight.shape, generator=torch.Generator().manual_seed(1))
    optimiser.apply(0.01)
    after = model.rollout(*context(1), plans)
    assert not torch.equal(after, before)
    assert torch.equal(after, copy.deepcopy(model).rollout(*context(1), plans))


def test_a_model_that_has_planned_is_copied_and_pickled() -> None:
    model, plans = tiny_sandbox(), candidates(2, 1)
    before = model.rollout(*context(1), plans)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(other.rollout(*context(1), plans), before)


def test_weights_are_packed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    honest, made = packed.PackedPredictor, []
    monkeypatch.setattr(packed, "PackedPredictor", lambda *a: made.append(honest(*a)) or made[-1])
    model, plans = tiny_sandbox(), candidates(2, 1)
    for _ in range(3):
        model.rollout(*context(1), plans)
    assert len(made) == 1


@pytest.mark.usefixtures("float32")
def test_chunks_change_nothing(sandbox: WorldModel, monkeypatch: pytest.MonkeyPatch) -> None:
    lived, plans = context(2), candidates(7, 2)
    whole = sandbox.rollout(*lived, plans)
    in_chunks(monkeypatch, tokens=18)
    torch.testing.assert_close(sandbox.rollout(*lived, plans), whole, atol=1e-5, rtol=1e-5)


@pytest.mark.usefixtures("float32")
@pytest.mark.parametrize("frames", [1, 3])
def test_environments_together_equal_one_by_one(
    sandbox: WorldModel, monkeypatch: pytest.MonkeyPatch, frames: int
) -> None:
    lived = [context(frames, seed) for seed in range(3)]
    plans = candidates(12, 2).unflatten(0, (3, 4))
    alone = torch.stack([sandbox.rollout(*c, p) for c, p in zip(lived, plans, strict=True)])
    together = [torch.stack(part) for part in zip(*lived, strict=True)]
    for tokens in (4224, 30):  # all at once, and five rows at a time, across environments
        in_chunks(monkeypatch, tokens)
        found = sandbox.rollout_batch(*together, plans)
        torch.testing.assert_close(found, alone, atol=1e-5, rtol=1e-5)


@pytest.mark.usefixtures("float32")
def test_the_past_matters(sandbox: WorldModel) -> None:
    latents, states, actions = context(2)
    plans = candidates(2, 1)
    alone = sandbox.rollout(latents[1:], states[1:], actions[:0], plans)
    assert (sandbox.rollout(latents, states, actions, plans) - alone).abs().max() > 1e-2


@pytest.mark.usefixtures("float32")
def test_sandbox_models_see_no_cut_at_pi(sandbox: WorldModel) -> None:
    latents, states, actions = context(1)
    turned = states.clone()
    turned[:, 3] -= 2 * torch.pi
    plans = candidates(2, 2)
    imagined = (sandbox.rollout(latents, s, actions, plans) for s in (states, turned))
    torch.testing.assert_close(*imagined, atol=1e-4, rtol=1e-4)


def test_paper_models_see_the_raw_roll(sandbox: WorldModel) -> None:
    raw = WorldModel(sandbox.encoder, sandbox.predictor)
    latents, states, actions = context(1)
    turned = states.clone()
    turned[:, 3] -= 2 * torch.pi
    first, second = (raw.rollout(latents, s, actions, candidates(2, 1)) for s in (states, turned))
    assert (first - second).abs().max() > 1e-2
    torch.testing.assert_close(first.mean(-1), torch.zeros(2, 1, 4), atol=1e-5, rtol=0)


def test_earlier_frames_do_not_see_later_ones(sandbox: WorldModel) -> None:
    latents, states, actions = (x[None] for x in context(4))
    actions = torch.cat([actions, actions[:, :1]], dim=1)
    before = sandbox.predict(latents, states, actions)
    latents[:, 3], states[:, 3], actions[:, 3] = 0, 0, 0
    after = sandbox.predict(latents, states, actions)
    torch.testing.assert_close(after[:, :3], before[:, :3])
    assert (after[:, 3] - before[:, 3]).abs().max() > 1e-2


def test_low_precision_is_close_to_float32(
    sandbox: WorldModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = *context(2), candidates(4, 2)
    monkeypatch.setattr(precision, "supports_bfloat16", lambda device: True)
    low = sandbox.rollout(*arguments)
    monkeypatch.setenv(precision.FLOAT32_SWITCH, "1")
    full = sandbox.rollout(*arguments)
    assert low.dtype == torch.float32
    assert not torch.equal(low, full)
    assert (low - full).abs().mean() < 0.02 * full.abs().mean()


@pytest.mark.usefixtures("float32")
def test_gradients_reach_the_candidates_on_request(sandbox: WorldModel) -> None:
    plans = candidates(3, 2).requires_grad_()
    sandbox.rollout(*context(2), plans)[:, -1].abs().sum().backward()
    assert plans.grad is not None
    assert bool((plans.grad.abs().sum(-1) > 0).all())
    assert not sandbox.rollout(*context(2), plans.detach()).requires_grad


def test_too_long_a_sequence_is_named(sandbox: WorldModel) -> None:
    with pytest.raises(BadValueError, match="9 frames are more than this predictor's 8"):
        sandbox.rollout(*context(7), candidates(2, 3))


@pytest.mark.usefixtures("float32")
def test_a_longer_rollout_loss_equals_whole_forward_passes() -> None:
    model = tiny_sandbox()
    latents, states, actions = (x[None] for x in context(5))
    z = latents[:, :1]
    for step in range(3):
        so_far = slice(step + 1)
        z = torch.cat([z, model.predict(z, states[:, so_far], actions[:, so_far])[:, -1:]], 1)
    losses = ac_losses(model, latents, states, actions, rollout_steps=3)
    torch.testing.assert_close(losses.rollout, (z[:, 1:] - latents[:, 1:4]).abs().mean())
    single = ac_losses(model, latents, states, actions, rollout_steps=1)
    assert float(single.rollout) == 0
    with pytest.raises(BadValueError, match="5 steps"):
        ac_losses(model, latents, states, actions, rollout_steps=5)


def test_a_planner_searches_in_it(sandbox: WorldModel) -> None:
    planner = with_options(load_planner("cem"), ["samples=16", "iterations=2", "elites=4"])
    latents, states, past_actions = context(2)
    lived = Context(latents=latents, states=states, past_actions=past_actions)
    generator = torch.Generator().manual_seed(0)
    plan = planner.plan(sandbox, lived, latents[0], generator)
    assert plan.actions.shape[1] == 7
    assert torch.isfinite(plan.actions).all()


def test_encoding_ignores_a_surrounding_autocast(sandbox: WorldModel) -> None:
    frames = torch.randint(0, 256, (1, 32, 32, 3), dtype=torch.uint8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = sandbox.encode(frames)
    assert torch.equal(inside, sandbox.encode(frames))

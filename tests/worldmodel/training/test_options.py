"""Options of AC training: unit of latents, recomputed activations, numbers that are none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from armchair.errors import ArmchairError, BadValueError
from armchair.worldmodel.encoder import FrameEncoder
from armchair.worldmodel.encoder_files import save_encoder
from armchair.worldmodel.losses import ac_losses
from armchair.worldmodel.model import WorldModel
from armchair.worldmodel.optimisation.loop import LoopConfig
from armchair.worldmodel.precision import FLOAT32_SWITCH
from armchair.worldmodel.statistics import LatentStatistics
from armchair.worldmodel.training import learner
from tests.worldmodel.models import tiny_sandbox
from tests.worldmodel.training.test_train import RECIPE, run


@pytest.fixture
def saved(encoder: FrameEncoder, tmp_path: Path) -> Path:
    save_encoder(tmp_path / "encoder", encoder)
    return tmp_path / "encoder"


def test_latents_as_in_the_paper(episodes: Path, saved: Path, tmp_path: Path) -> None:
    plain = replace(RECIPE, statistics="none")
    folder = run(episodes, saved, tmp_path / "none", recipe=plain)
    model = WorldModel.from_pretrained(folder)
    assert not model.sandbox
    assert model.predictor.predictor_proj.weight.abs().sum() > 0
    with pytest.raises(BadValueError, match="without latent statistics"):
        run(episodes, saved, tmp_path / "other", init=folder)


def test_latents_in_units_of_the_data(episodes: Path, saved: Path, tmp_path: Path) -> None:
    by_data = replace(RECIPE, statistics="data")
    folder = run(episodes, saved, tmp_path / "data", recipe=by_data)
    model = WorldModel.from_pretrained(folder)
    assert isinstance(model.statistics, LatentStatistics)
    assert torch.equal(model.statistics.change_scale, model.statistics.data_scale)
    with pytest.raises(BadValueError, match="in units of 'data'; set"):
        run(episodes, saved, tmp_path / "other", init=folder)


def test_recomputed_activations_give_the_same_gradients() -> None:
    grads = []
    for checkpointing in (False, True):
        model = tiny_sandbox()
        model.predictor.requires_grad_(True).checkpointing = checkpointing
        generator = torch.Generator().manual_seed(0)
        latents = torch.randn(2, 4, 4, 24, generator=generator)
        states, actions = torch.rand(2, 4, 7, generator=generator), torch.zeros(2, 3, 7)
        ac_losses(model, latents, states, actions).total.backward()
        grads.append([p.grad for p in model.predictor.parameters() if p.grad is not None])
    assert len(grads[0]) == len(grads[1]) > 10
    for a, b in zip(*grads, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # PyTorch's own tracing
def test_compiled_blocks_learn_the_same(
    episodes: Path, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Traced as torch.compile traces them; only that no machine code is made of it here."""
    monkeypatch.setenv(FLOAT32_SWITCH, "1")
    monkeypatch.setattr(learner.TrainLearner, "evaluate", lambda self, step: {})
    honest, compiled = nn.Module.compile, []

    def traced(block: nn.Module) -> None:
        compiled.append(block)
        honest(block, backend="aot_eager")

    monkeypatch.setattr(nn.Module, "compile", traced)
    plain, fast = (
        WorldModel.from_pretrained(
            run(episodes, saved, tmp_path / str(on), recipe=replace(RECIPE, compile=on), steps=2)
        ).state_dict()
        for on in (False, True)
    )
    assert len(compiled) == RECIPE.predictor.depth
    assert plain.keys() == fast.keys()
    for name, value in plain.items():
        torch.testing.assert_close(fast[name], value, atol=2e-3, rtol=1e-2)


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good_checkpoint(
    episodes: Path, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, every_step = tmp_path / "out", LoopConfig(checkpoint_minutes=0.0)
    monkeypatch.setattr(learner.TrainLearner, "evaluate", lambda self, step: {})
    run(episodes, saved, out, steps=2, loop=every_step)
    before = torch.load(out / "checkpoint.pt", weights_only=True)
    honest = learner.ac_losses

    def poisoned(*arguments: object) -> learner.Losses:
        losses = honest(*arguments)  # type: ignore[arg-type]
        return learner.Losses(losses.teacher_forcing * torch.nan, losses.rollout)

    monkeypatch.setattr(learner, "ac_losses", poisoned)
    with pytest.raises(ArmchairError, match=r"loss is nan.* step 3: .*checkpoint is .*out/"):
        run(episodes, saved, out, steps=4, loop=every_step)
    after = torch.load(out / "checkpoint.pt", weights_only=True)
    assert after["step"] == before["step"] == 2
    weights = after["learner"]["predictor"]
    assert all(value.isfinite().all() for value in weights.values())

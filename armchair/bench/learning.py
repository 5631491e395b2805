"""How fast the world model plans and trains, against bare arithmetic of the same size."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from armchair.bench.measurement import BENCHMARKS, BenchSetting, Measurement, seconds_of
from armchair.planners import Context
from armchair.poses import ACTION_DIM, STATE_DIM
from armchair.worldmodel.losses import ac_losses
from armchair.worldmodel.model import WorldModel
from armchair.worldmodel.precision import autocast

BATCH = 4
"""Clips in the training step that is timed."""
FRAMES = 8
"""Model frames a clip, as in the reference training."""


@BENCHMARKS.add("action")
def action(setting: BenchSetting) -> Measurement:
    """Plan one action, against the predictor's weights multiplied as often and nothing else."""
    model, generator = setting.model, torch.Generator().manual_seed(0)
    latents = _latents(model, 2)
    context = Context(
        latents=latents[:1],
        states=torch.zeros(1, STATE_DIM),
        past_actions=torch.zeros(0, ACTION_DIM),
    )
    evaluations = 0

    def one_plan() -> None:
        nonlocal evaluations
        found = setting.planner.plan(model, context, latents[1], generator)
        evaluations = found.evaluations

    seconds = seconds_of(one_plan, setting.repeats)
    return Measurement(
        what=f"plan one action, {evaluations} model evaluations",
        seconds=seconds,
        against="its matrix products alone",
        reference_seconds=evaluations * _bare_evaluation(model, setting.repeats),
    )


@BENCHMARKS.add("train")
def train(setting: BenchSetting) -> Measurement:
    """Take one training step's gradients, against the same losses without gradients."""
    model = copy.deepcopy(setting.model)
    model.predictor.requires_grad_(True)
    latents = _latents(model, BATCH * (FRAMES + 1)).unflatten(0, (BATCH, FRAMES + 1))
    states = torch.zeros(BATCH, FRAMES + 1, STATE_DIM)
    actions = torch.zeros(BATCH, FRAMES, ACTION_DIM)

    def losses() -> Tensor:
        with autocast(model.device):
            return ac_losses(model, latents, states, actions).total

    def gradients() -> None:
        losses().backward()

    with torch.no_grad():
        reference = seconds_of(losses, setting.repeats)
    return Measurement(
        what=f"gradients of {BATCH} clips of {FRAMES} frames",
        seconds=seconds_of(gradients, setting.repeats),
        against="the losses without gradients",
        reference_seconds=reference,
    )


def _latents(model: WorldModel, count: int) -> Tensor:
    """Return invented latents (count, N, D): time does not depend on what they hold."""
    config = model.predictor.config
    generator = torch.Generator().manual_seed(0)
    return torch.randn(count, config.tokens_per_frame, config.token_width, generator=generator)


def _bare_evaluation(model: WorldModel, repeats: int) -> float:
    """Return the seconds of one candidate's step if only the predictor's weights were multiplied.

    Attention between tokens, normalisation and the rest are left out: a bound, not a target.
    """
    config, candidates = model.predictor.config, 64
    matrices = [weight for weight in model.predictor.parameters() if weight.ndim == 2]
    tokens = candidates * (config.tokens_per_frame + config.conditions)
    inputs = [torch.randn(tokens, weight.shape[1]) for weight in matrices]

    @torch.no_grad()
    def multiply() -> None:
        with autocast(model.device):
            for one, weight in zip(inputs, matrices, strict=True):
                torch.nn.functional.linear(one, weight)

    return seconds_of(multiply, repeats) / candidates

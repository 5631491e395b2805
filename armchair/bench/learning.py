"""How fast the world model plans, against bare arithmetic of the same size."""

from __future__ import annotations

import torch
from torch import Tensor

from armchair.bench.measurement import BENCHMARKS, BenchSetting, Measurement, seconds_of
from armchair.planners import Context
from armchair.poses import ACTION_DIM, STATE_DIM
from armchair.worldmodel.model import WorldModel
from armchair.worldmodel.precision import autocast


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

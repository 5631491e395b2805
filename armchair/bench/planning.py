"""How fast candidates are imagined and scored, against the plain rendering, and how truly."""

from __future__ import annotations

import copy
from dataclasses import replace
from statistics import fmean

import numpy as np
import torch
import torch.nn.functional as F
from scipy.stats import rankdata
from torch import Tensor

from armchair.bench.measurement import (
    BENCHMARKS,
    BenchSetting,
    Measurement,
    timed,
)
from armchair.bench.plain import multiplications, plain_energies
from armchair.evaluation.episode import Scene
from armchair.evaluation.pairs import simulated_walk
from armchair.planners import ActionBounds, Context
from armchair.planners.energy import score
from armchair.poses import difference
from armchair.worldmodel.model import WorldModel
from armchair.worldmodel.precision import float32, uses_bfloat16

CANDIDATES = 64
SCENES = 5
"""Scenes whose candidates' energies are compared; the first is timed."""


@BENCHMARKS.add("plan")
def plan(setting: BenchSetting) -> Measurement:
    """Score candidates over two steps from one frame, against the plain rendering."""
    return _against_plain(setting, context_frames=1, horizon=2)


@BENCHMARKS.add("plan-long")
def plan_long(setting: BenchSetting) -> Measurement:
    """Score candidates over four steps from three frames, all of them looked back on by both.

    A model that was trained on fewer frames guesses badly there, and rounding grows with that: its
    own way of planning is `plan-window`.
    """
    return _against_plain(setting, context_frames=3, horizon=4, window=None)


@BENCHMARKS.add("plan-window")
def plan_window(setting: BenchSetting) -> Measurement:
    """Score candidates over four steps from three frames; both look back as the model does."""
    window = setting.model.predictor.config.context_frames
    return _against_plain(setting, context_frames=3, horizon=4, window=window)


OWN = -1
"""A window as the model has it."""


def _against_plain(
    setting: BenchSetting, context_frames: int, horizon: int, window: int | None = OWN
) -> Measurement:
    model = setting.model if window == OWN else looking_back(setting.model, window)
    context, goal, candidates = problem(model, context_frames, horizon)

    def ours() -> Tensor:
        return score(model, context, candidates, goal)

    def in_float32() -> Tensor:
        with float32():
            return ours()

    def plain() -> Tensor:
        return plain_energies(model, context, candidates, goal)

    own = timed(ours, setting.repeats)
    reference, exact = timed(plain, setting.repeats), timed(in_float32, setting.repeats)
    figures = _over_scenes(model, context_frames, horizon)
    figures["speedup"] = reference.clock / own.clock
    figures["speedup_processor_time"] = reference.processor / own.processor
    figures["float32_seconds"] = exact.clock
    figures["float32_speedup_processor_time"] = reference.processor / exact.processor
    with float32():
        exact_figures = _over_scenes(model, context_frames, horizon)
    figures["float32_error_percent"] = exact_figures["error_percent"]
    work = CANDIDATES * multiplications(model, context_frames, horizon)
    figures["reference_share_of_peak"] = work / reference.processor / _peak(setting)
    figures["operations_saved"] = work / (
        CANDIDATES * multiplications(model, context_frames, horizon, cached=True)
    )
    figures["lower_precision_products"] = _products(setting, model)
    back = model.predictor.config.context_frames
    return Measurement(
        what=f"{CANDIDATES} candidates, horizon {horizon}, {context_frames} frame(s) seen"
        f"{'' if back is None else f', {back} looked back on'}",
        seconds=own.clock,
        against="plain rendering in float32",
        reference_seconds=reference.clock,
        figures=figures,
    )


def _over_scenes(model: WorldModel, context_frames: int, horizon: int) -> dict[str, float]:
    """Return the agreement with the plain rendering: means over scenes, and the worst."""
    found = []
    for scene in range(SCENES):
        context, goal, candidates = problem(model, context_frames, horizon, scene)
        plain = plain_energies(model, context, candidates, goal)
        found.append(agreement(score(model, context, candidates, goal), plain))
    figures = {name: fmean(one[name] for one in found) for name in found[0]}
    figures["error_percent_worst"] = max(one["error_percent"] for one in found)
    figures["rank_correlation_worst"] = min(one["rank_correlation"] for one in found)
    return figures


def looking_back(model: WorldModel, frames: int | None) -> WorldModel:
    """Return the model with the same weights, looking back on so many frames; None is all."""
    other = copy.copy(model)
    other._modules = dict(model._modules)
    predictor = copy.copy(model.predictor)
    predictor.config = replace(predictor.config, context_frames=frames)
    other.predictor = predictor
    return other


def agreement(energies: Tensor, reference: Tensor) -> dict[str, float]:
    """Return how far energies (candidates,) are from their reference.

    error_percent: mean absolute difference, in percent of the reference's standard deviation over
    the candidates; error_percent_of_range: of its range; rank_correlation: Spearman's.
    """
    ours, plain = (np.asarray(e.cpu(), dtype=np.float64) for e in (energies, reference))
    ranks = [rankdata(values) for values in (ours, plain)]
    error = 100 * np.abs(ours - plain).mean()
    return {
        "error_percent": float(error / plain.std()),
        "error_percent_of_range": float(error / np.ptp(plain)),
        "rank_correlation": float(np.corrcoef(ranks[0], ranks[1])[0, 1]),
    }


def problem(
    model: WorldModel, frames: int, horizon: int, scene: int = 0
) -> tuple[Context, Tensor, Tensor]:
    """Return lived moments of a simulated walk, as the goal the frame that came next, candidates.

    scene: which of the validation role's; the candidates (CANDIDATES, horizon, 7) are its own, too.
    """
    walk = simulated_walk(Scene(role="validation", seed=0, episode=scene, level="light"), frames)
    latents = model.encode(np.stack([seen.frame for seen in walk]))
    states = np.stack([seen.state for seen in walk[:-1]])
    past = difference(states[:-1], states[1:])
    context = Context(
        latents=latents[:-1],
        states=torch.as_tensor(states, dtype=torch.float32, device=latents.device),
        past_actions=torch.as_tensor(past, dtype=torch.float32, device=latents.device),
    )
    generator = torch.Generator().manual_seed(scene)
    candidates = ActionBounds().sample(CANDIDATES, horizon, generator).to(model.device)
    return context, latents[-1], candidates


def _products(setting: BenchSetting, model: WorldModel) -> float:
    """Return how many times as fast the predictor's products alone are in planning's numbers."""
    config = model.predictor.config
    dtype = torch.bfloat16 if uses_bfloat16(model.device) else torch.float32
    rows = CANDIDATES // 4 * (config.tokens_per_frame + config.conditions)
    weights = [w.detach() for w in model.predictor.predictor_blocks.parameters() if w.ndim == 2]
    inputs = {w.shape[1]: torch.randn(rows, w.shape[1], device=model.device) for w in weights}

    def seconds(numbers: torch.dtype) -> float:
        pairs = [(inputs[w.shape[1]].to(numbers), w.to(numbers)) for w in weights]
        repeats = max(setting.repeats, 5)
        return timed(lambda: [F.linear(x, w) for x, w in pairs], repeats).processor

    with torch.inference_mode():
        return seconds(torch.float32) / seconds(dtype)


def _peak(setting: BenchSetting) -> float:
    """Return the float32 operations per second of a large matrix product on this machine."""
    size = 1024
    left = torch.randn(size, size, device=setting.model.device)
    return 2 * size**3 / timed(lambda: left @ left, max(setting.repeats, 5)).processor

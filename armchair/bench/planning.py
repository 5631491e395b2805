"""How fast candidates are imagined and scored, against the plain rendering, and how truly."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from armchair.bench.measurement import BENCHMARKS, BenchSetting, Measurement, seconds_of
from armchair.bench.plain import multiplications, plain_energies
from armchair.evaluation.episode import Scene
from armchair.evaluation.pairs import simulated_walk
from armchair.planners import ActionBounds, Context
from armchair.planners.energy import score
from armchair.poses import difference
from armchair.worldmodel.model import WorldModel

CANDIDATES = 64
SCENE = Scene(role="validation", seed=0, episode=0, level="light")


@BENCHMARKS.add("plan")
def plan(setting: BenchSetting) -> Measurement:
    """Score candidates over two steps from one frame, against the plain rendering."""
    return _against_plain(setting, context_frames=1, horizon=2)


@BENCHMARKS.add("plan-long")
def plan_long(setting: BenchSetting) -> Measurement:
    """Score candidates over four steps from three frames, against the plain rendering."""
    return _against_plain(setting, context_frames=3, horizon=4)


def _against_plain(setting: BenchSetting, context_frames: int, horizon: int) -> Measurement:
    model = setting.model
    context, goal = _problem(model, context_frames)
    generator = torch.Generator().manual_seed(0)
    candidates = ActionBounds().sample(CANDIDATES, horizon, generator).to(model.device)

    def ours() -> Tensor:
        return score(model, context, candidates, goal)

    def plain() -> Tensor:
        return plain_energies(model, context, candidates, goal)

    reference_seconds = seconds_of(plain, setting.repeats)
    seconds = seconds_of(ours, setting.repeats)
    figures = agreement(ours(), plain())
    figures["speedup"] = reference_seconds / seconds
    work = CANDIDATES * multiplications(model, context_frames, horizon)
    figures["reference_share_of_peak"] = work / reference_seconds / _peak(setting)
    return Measurement(
        what=f"{CANDIDATES} candidates, horizon {horizon}, {context_frames} frame(s) seen",
        seconds=seconds,
        against="plain rendering in float32",
        reference_seconds=reference_seconds,
        figures=figures,
    )


def agreement(energies: Tensor, reference: Tensor) -> dict[str, float]:
    """Return how far energies (candidates,) are from their reference.

    error_percent: mean absolute difference, in percent of the reference's standard deviation over
    the candidates; error_percent_of_range: of its range; rank_correlation: Spearman's.
    """
    ours, plain = (np.asarray(e.cpu(), dtype=np.float64) for e in (energies, reference))
    ranks = [np.argsort(np.argsort(values)) for values in (ours, plain)]
    error = 100 * np.abs(ours - plain).mean()
    return {
        "error_percent": float(error / plain.std()),
        "error_percent_of_range": float(error / np.ptp(plain)),
        "rank_correlation": float(np.corrcoef(ranks[0], ranks[1])[0, 1]),
    }


def _problem(model: WorldModel, frames: int) -> tuple[Context, Tensor]:
    """Return lived moments of a simulated walk and, as the goal, the frame that came next."""
    walk = simulated_walk(SCENE, frames)
    latents = model.encode(np.stack([seen.frame for seen in walk]))
    states = np.stack([seen.state for seen in walk[:-1]])
    past = difference(states[:-1], states[1:])
    context = Context(
        latents=latents[:-1],
        states=torch.as_tensor(states, dtype=torch.float32, device=latents.device),
        past_actions=torch.as_tensor(past, dtype=torch.float32, device=latents.device),
    )
    return context, latents[-1]


def _peak(setting: BenchSetting) -> float:
    """Return the float32 operations per second of a large matrix product on this machine."""
    size = 1024
    left = torch.randn(size, size, device=setting.model.device)
    seconds = seconds_of(lambda: left @ left, max(setting.repeats, 5))
    return 2 * size**3 / seconds

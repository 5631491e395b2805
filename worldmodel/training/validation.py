"""Scores on held-out episodes in the middle of training, and whether they can be had at all.

What is drawn depends on the seed alone: every evaluation of a run is on the same clips and pairs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from armchair.errors import BadValueError
from armchair.worldmodel.model import WorldModel
from armchair.worldmodel.optimisation.loop import generator_at
from armchair.worldmodel.training.action_inference import (
    InferenceConfig,
    check_pairs,
    infer_actions,
    sample_pairs,
    score,
    translation_error,
)
from armchair.worldmodel.training.clips import ClipSampler
from armchair.worldmodel.training.horizon import HorizonConfig, moving_clips, rollout_errors

VALIDATION_STREAM = 1_000_003
"""Keeps validation's random numbers apart from training's."""
CLIPS, PAIRS, ROLLOUTS = 0, 1, 2
"""What random numbers are for."""


def validation_generator(seed: int, purpose: int) -> torch.Generator:
    """Return the same generator at every evaluation."""
    return generator_at(seed, VALIDATION_STREAM, purpose)


def check_inference(
    episodes: Sequence[NDArray[np.float64]], config: InferenceConfig, gaps: tuple[int, int]
) -> None:
    """Raise `BadValueError` if frames with these states, (T, 7) of each episode, have too few
    pairs with a gap in this range for action inference."""
    try:
        check_pairs(episodes, config.pairs, gaps)
    except BadValueError as error:
        raise BadValueError(
            f"validation on held-out episodes: {error} The options are --held-out and "
            f"--recipe.validation-search.pairs.count (now {config.pairs.count})."
        ) from error


def why_no_rollouts(
    model: WorldModel, sampler: ClipSampler, config: HorizonConfig, seed: int
) -> str:
    """Return why rollouts by horizon cannot be scored on these episodes, or ""."""
    try:
        moving_clips(model, sampler.cache, config, validation_generator(seed, ROLLOUTS))
    except BadValueError as error:
        return str(error)
    return ""


def rollout_scores(
    model: WorldModel, sampler: ClipSampler, config: HorizonConfig, seed: int
) -> dict[str, float]:
    """Return errors by horizon as a share of copying; nothing where `why_no_rollouts` says why."""
    if why_no_rollouts(model, sampler, config, seed):
        return {}
    generator = validation_generator(seed, ROLLOUTS)
    plain = rollout_errors(model, sampler.cache, config, generator).plain
    ratios = {f"horizon/{step}_to_copy": r for step, r in enumerate(plain.ratios, 1)}
    return ratios | {f"horizon/{config.steps}_moving_to_copy": plain.ratios_moving[-1]}


def inference_scores(
    model: WorldModel, sampler: ClipSampler, config: InferenceConfig, seed: int
) -> dict[str, float]:
    """Return how well logged actions are inferred."""
    generator = validation_generator(seed, PAIRS)
    pairs = sample_pairs(model, sampler, config, generator)
    inferred = infer_actions(model, pairs, config, generator)
    values = {"inference/translation_error": translation_error(inferred, pairs.actions)}
    for axis, result in score(inferred, pairs.actions).items():
        values[f"inference/{axis}_correlation"] = result.correlation
        values[f"inference/{axis}_slope"] = result.slope
        values[f"inference/{axis}_error"] = result.mean_abs_error
    return values

"""The world model that a run trains: new weights, or those of an earlier model."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import torch
from torch import nn

from armchair.errors import BadValueError
from armchair.worldmodel.encoder import FrameEncoder
from armchair.worldmodel.model import WorldModel
from armchair.worldmodel.predictor import ACPredictor, PredictorConfig
from armchair.worldmodel.statistics import LatentStatistics
from armchair.worldmodel.tensor_files import fill
from armchair.worldmodel.training.clips import ClipSampler
from armchair.worldmodel.training.learner import TrainConfig
from armchair.worldmodel.training.token_cache import TokenCache
from armchair.worldmodel.training.units import measure_inputs, measure_latents


def build_model(
    encoder: FrameEncoder,
    config: TrainConfig,
    sampler: ClipSampler,
    seed: int,
    init: Path | None = None,
) -> WorldModel:
    """Return the world model with new weights, or those of `init`; its predictor will learn.

    Its step is the shortest time between frames that it is trained on: over longer ones the arm
    may move by more than one action goes.
    """
    size = PredictorConfig(
        token_width=encoder.config.width,
        grid=encoder.config.grid,
        zero_init_output=config.statistics != "none",
        context_frames=config.clips.frames - 1,
        **asdict(config.predictor),
    )
    pace = sampler.least_seconds
    if init is None and config.statistics == "none":
        return WorldModel(encoder, ACPredictor(size), seconds_per_step=pace)
    if init is None:
        scaling = measure_inputs(sampler.cache, sampler, seed)
        units = measured_units(sampler.cache, config)
        return WorldModel(
            encoder, ACPredictor(size), statistics=units, scaling=scaling, seconds_per_step=pace
        )
    earlier = WorldModel.from_pretrained(init)
    if earlier.sandbox != (config.statistics != "none"):
        raise BadValueError(
            f"{init}: a model {'with' if earlier.sandbox else 'without'} latent statistics; "
            f"set recipe.statistics to fit, it is {config.statistics!r}."
        )
    anew = earlier.sandbox and not same_weights(earlier.encoder, encoder)
    model = WorldModel(
        encoder,
        ACPredictor(size),
        statistics=measured_units(sampler.cache, config) if anew else earlier.statistics,
        scaling=earlier.scaling,
        seconds_per_step=pace,
    )
    fix = "Give the model/ of a run with the same sizes."
    fill(model.predictor, earlier.predictor.state_dict(), init, fix)
    return model


def measured_units(data: TokenCache, config: TrainConfig) -> LatentStatistics:
    """Return the units that `config.statistics` names, measured on the training data."""
    statistics = measure_latents(data)
    return statistics.by_data() if config.statistics == "data" else statistics


def same_weights(one: nn.Module, other: nn.Module) -> bool:
    """Return whether two modules hold the same tensors."""
    first, second = one.state_dict(), other.state_dict()
    if first.keys() != second.keys():
        return False
    return all(torch.equal(tensor, second[name].to(tensor)) for name, tensor in first.items())

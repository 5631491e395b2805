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
    earlier: WorldModel | None = None,
) -> WorldModel:
    """Return the world model with new weights, or those of `earlier`; its predictor will learn.

    Its step is the shortest time between frames that it is trained on: over longer ones the arm
    may move by more than one action goes.
    """
    pace = sampler.least_seconds
    predictor = ACPredictor(predictor_size(encoder, config))
    if earlier is None and config.statistics == "none":
        return WorldModel(encoder, predictor, seconds_per_step=pace)
    if earlier is None:
        scaling = measure_inputs(sampler.cache, sampler, seed)
        units = measured_units(sampler.cache, config)
        return WorldModel(
            encoder, predictor, statistics=units, scaling=scaling, seconds_per_step=pace
        )
    predictor.load_state_dict(earlier.predictor.state_dict())
    anew = earlier.sandbox and not same_weights(earlier.encoder, encoder)
    return WorldModel(
        encoder,
        predictor,
        statistics=measured_units(sampler.cache, config) if anew else earlier.statistics,
        scaling=earlier.scaling,
        seconds_per_step=pace,
    )


def read_earlier(init: Path, encoder: FrameEncoder, config: TrainConfig) -> WorldModel:
    """Return the model of an earlier run to start from.

    Raises `BadFileError` if there is none or if it has other sizes, `BadValueError` if one of the
    two has latent statistics and the other has not.
    """
    earlier = WorldModel.from_pretrained(init)
    if earlier.sandbox != (config.statistics != "none"):
        raise BadValueError(
            f"{init}: a model {'with' if earlier.sandbox else 'without'} latent statistics; "
            f"set recipe.statistics to fit, it is {config.statistics!r}."
        )
    if earlier.statistics is not None and earlier.statistics.unit != config.statistics:
        raise BadValueError(
            f"{init}: its latents are in units of {earlier.statistics.unit!r}; set "
            f"recipe.statistics to that, it is {config.statistics!r}."
        )
    fix = "Give the model/ of a run with the same sizes."
    fill(ACPredictor(predictor_size(encoder, config)), earlier.predictor.state_dict(), init, fix)
    return earlier


def predictor_size(encoder: FrameEncoder, config: TrainConfig) -> PredictorConfig:
    """Return the predictor's sizes on an encoder's tokens."""
    return PredictorConfig(
        token_width=encoder.config.width,
        grid=encoder.config.grid,
        zero_init_output=config.statistics != "none",
        context_frames=config.clips.frames - 1,
        **asdict(config.predictor),
    )


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

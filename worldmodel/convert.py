"""Weights from one layout to another: ours, Meta's, `transformers`'."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch

from armchair.worldmodel import meta
from armchair.worldmodel.encoder import EncoderConfig
from armchair.worldmodel.encoder_files import save_encoder
from armchair.worldmodel.hub_folder import save_hub_encoder
from armchair.worldmodel.meta_export import save_meta_encoder, save_meta_model
from armchair.worldmodel.model import WorldModel
from armchair.worldmodel.model_files import check_no_card
from armchair.worldmodel.no_predictor import NoPredictor
from armchair.worldmodel.sources import load_of_architecture, load_world_model

Layout = Literal["armchair", "meta", "huggingface"]
Part = Literal["all", "encoder"]
FORMATS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def convert(
    source: str,
    out: Path,
    layout: Layout,
    part: Part = "all",
    role: meta.EncoderRole | None = None,
    architecture: Path | None = None,
    numbers: Literal["float32", "bfloat16"] = "float32",
    seconds_per_step: float | None = None,
) -> EncoderConfig:
    """Write the weights of `source` (as `WorldModel.from_pretrained` takes it) to `out`.

    `architecture` is the config.json that says the size of a `.pt` file which is none of the
    released ones; `seconds_per_step` replaces what the source says. Returns the encoder's size.
    Raises `BadFileError` if a model card lies in the folder: it is of other weights.
    """
    if layout != "meta":
        check_no_card(out)
    if architecture is None:
        model = load_world_model(source, role)
    else:
        model = load_of_architecture(
            Path(source), architecture, role or "target_encoder", whole=part == "all"
        )
    if seconds_per_step is not None:
        model.seconds_per_step = seconds_per_step
    out.parent.mkdir(parents=True, exist_ok=True)
    whole = part == "all" and not isinstance(model.predictor, NoPredictor)
    if layout == "huggingface":
        save_hub_encoder(out, model.encoder)
    elif layout == "meta":
        _to_meta(out, model, whole)
    elif whole:
        model.save_pretrained(out, FORMATS[numbers])
    else:
        save_encoder(out, model.encoder, FORMATS[numbers])
    return model.encoder.config


def _to_meta(out: Path, model: WorldModel, whole: bool) -> None:
    if whole:
        save_meta_model(out, model)
    else:
        save_meta_encoder(out, model.encoder)

"""Our weights under the names of Meta's checkpoints, the inverse of `meta`."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import Tensor

from armchair.errors import BadValueError
from armchair.poses import ACTION_DIM
from armchair.worldmodel.encoder import FrameEncoder
from armchair.worldmodel.model import WorldModel
from armchair.worldmodel.optimisation import atomic
from armchair.worldmodel.predictor import EXTRINSICS_DIM

ENCODER_PREFIX, PREDICTOR_PREFIX = "module.backbone.", "module."
_LAYER = re.compile(r"^layer\.(\d+)\.")


def to_meta(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return an encoder's tensors under Meta's names: query, key and value in one `qkv`."""
    renamed: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        meta = name.replace("embeddings.patch_embeddings.", "patch_embed.")
        meta = _LAYER.sub(r"blocks.\1.", meta.replace("layernorm.", "norm."))
        meta = meta.replace(".attention.", ".attn.")
        if ".attn.key." in meta or ".attn.value." in meta:
            continue
        if ".attn.query." in meta:
            parts = (tensors[name.replace("query", part)] for part in ("query", "key", "value"))
            renamed[meta.replace("query", "qkv")] = torch.cat(list(parts))
        else:
            renamed[meta] = tensor
    return renamed


def save_meta_encoder(path: Path, encoder: FrameEncoder) -> None:
    """Write an encoder as `encoder` and as `target_encoder` of one of Meta's `.pt` files."""
    atomic.write_tensors(path, _encoders(encoder))


def save_meta_model(path: Path, model: WorldModel) -> None:
    """Write a world model as an AC checkpoint of Meta's.

    Raises `BadValueError` for a sandbox model: what its latents are is not said in that format.
    """
    if model.sandbox:
        raise BadValueError(
            "a sandbox model has latent statistics, which Meta's checkpoints cannot hold; "
            "convert its encoder alone with --part encoder."
        )
    predictor = dict(model.predictor.state_dict())
    if not model.predictor.config.use_extrinsics:  # made in every checkpoint, loaded strictly
        width = model.predictor.config.width
        predictor["extrinsics_encoder.weight"] = torch.zeros(width, EXTRINSICS_DIM)
        predictor["extrinsics_encoder.bias"] = torch.zeros(width)
    assert predictor["action_encoder.weight"].shape[1] == ACTION_DIM
    tensors = {PREDICTOR_PREFIX + name: value for name, value in predictor.items()}
    atomic.write_tensors(path, {**_encoders(model.encoder), "predictor": tensors})


def _encoders(encoder: FrameEncoder) -> dict[str, dict[str, Tensor]]:
    tensors = to_meta(dict(encoder.backbone.state_dict()))
    named = {ENCODER_PREFIX + name: value for name, value in tensors.items()}
    return {"encoder": named, "target_encoder": named}

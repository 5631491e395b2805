"""A V-JEPA 2 encoder in `transformers`' layout: `config.json` (model_type vjepa2), safetensors.

Hub repositories such as facebook/vjepa2-vitl-fpc64-256 look so. Classifiers are read too; of them,
as of the mask predictor, only the encoder is taken.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as dump_safetensors
from torch import Tensor

from armchair.errors import BadFileError
from armchair.worldmodel.encoder import EncoderConfig, FrameEncoder
from armchair.worldmodel.optimisation import atomic
from armchair.worldmodel.tensor_files import fill, made_as_stated, read_safetensors

CONFIG, WEIGHTS, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
MODEL_TYPE = "vjepa2"
FIX = "Give a folder or repository of a V-JEPA 2 model for transformers."
_FIXED = {"in_chans": 3, "qkv_bias": True, "hidden_act": "gelu", "layer_norm_eps": 1e-6}
"""What all released models have, and ours; another value would be computed wrongly."""
_PREFIXES = ("vjepa2.encoder.", "encoder.")


def load_hub_encoder(folder: Path) -> FrameEncoder:
    """Return the frozen encoder of a folder, in float32; raises `BadFileError`."""
    config = read_hub_config(folder / CONFIG)
    with torch.random.fork_rng(devices=[]), made_as_stated(folder / CONFIG, FIX):
        encoder = FrameEncoder(config)
    stored = _tensors(folder)
    tensors = {
        name.removeprefix(prefix): tensor
        for prefix in _PREFIXES
        for name, tensor in stored.items()
        if name.startswith(prefix)
    }
    fill(encoder.backbone, tensors, folder / WEIGHTS, FIX)
    return encoder.requires_grad_(False).eval()


def read_hub_config(path: Path) -> EncoderConfig:
    """Return the encoder's size that `transformers`' config states; raises `BadFileError`."""
    try:
        content: dict[str, Any] = json.loads(path.read_text())
        odd = {k: content[k] for k, v in _FIXED.items() if k in content and content[k] != v}
        if content["model_type"] != MODEL_TYPE or odd:
            raise ValueError(f"model_type {content['model_type']}, {odd or 'nothing odd'}")
        defaults = EncoderConfig(image_size=256, width=1024, depth=24, heads=16)
        patch = content.get("patch_size", defaults.patch_size)
        return EncoderConfig(
            image_size=content.get("crop_size", defaults.image_size),
            patch_size=patch if isinstance(patch, int) else patch[0],
            tubelet_size=content.get("tubelet_size", defaults.tubelet_size),
            width=content.get("hidden_size", defaults.width),
            depth=content.get("num_hidden_layers", defaults.depth),
            heads=content.get("num_attention_heads", defaults.heads),
            mlp_ratio=content.get("mlp_ratio", defaults.mlp_ratio),
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise BadFileError(path, f"not the config of a V-JEPA 2 encoder ({error})", FIX) from error


def save_hub_encoder(folder: Path, encoder: FrameEncoder) -> None:
    """Write an encoder, in float32, so that `VJEPA2Model.from_pretrained` reads it.

    There is no mask predictor: load with `skip_predictor=True` calls, or expect a new one. Raises
    `BadValueError` for an encoder of pictures that are not square, which that layout cannot state.
    """
    _ = encoder.config.side
    folder.mkdir(parents=True, exist_ok=True)
    state = encoder.backbone.state_dict()
    tensors = {f"encoder.{name}": value.float().contiguous() for name, value in state.items()}
    atomic.write_bytes(folder / WEIGHTS, dump_safetensors(tensors, {"format": "pt"}))
    content = encoder.config.to_transformers().to_dict()
    atomic.write_json(folder / CONFIG, content | {"architectures": ["VJEPA2Model"]})


def _tensors(folder: Path) -> dict[str, Tensor]:
    """Return all tensors of a folder, out of one file or of the parts that an index names."""
    if not (folder / INDEX).exists():
        return read_safetensors(folder / WEIGHTS, FIX)
    try:
        named = json.loads((folder / INDEX).read_text())["weight_map"].values()
        parts = sorted({Path(part).name for part in named})
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise BadFileError(folder / INDEX, f"not an index of weights ({error})", FIX) from error
    files = (read_safetensors(folder / part, FIX) for part in parts)
    return {name: tensor for tensors in files for name, tensor in tensors.items()}

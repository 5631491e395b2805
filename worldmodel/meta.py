"""Meta's V-JEPA 2 checkpoints (`vitl.pt`, `vjepa2-ac-vitg.pt`, …) into our modules.

A checkpoint does not say its head counts or image size, so the architecture is given by the caller
and every tensor is held against it. Files are read with `weights_only=True`: they cannot run code.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from transformers import VJEPA2Config, VJEPA2Model

from armchair.errors import BadFileError
from armchair.worldmodel.encoder import EncoderConfig, FrameEncoder
from armchair.worldmodel.model import WorldModel
from armchair.worldmodel.model_files import WorldModelConfig
from armchair.worldmodel.optimisation import atomic
from armchair.worldmodel.tensor_files import check_plain, fill

EncoderRole = Literal["target_encoder", "encoder"]
"""The EMA teacher, which Meta's AC training and evaluations load, or the student."""

FIX = "Give a checkpoint of Meta's V-JEPA 2, and the architecture that it was made with."
STUDENT_FIX = "Take the student: `armchair convert --role encoder`, or role='encoder' in Python."

_PREFIXES = re.compile(r"^(module\.)?(backbone\.)?")
_UNUSED = ("pos_embed", "predictor_pos_embed")
"""Tables of sine positions that rotary models carry along and never read."""
_RENAMED = (
    (re.compile(r"^patch_embed\."), "embeddings.patch_embeddings."),
    (re.compile(r"^predictor_embed\."), "embeddings.predictor_embeddings."),
    (re.compile(r"^(predictor_)?blocks\.(\d+)\.attn\."), r"layer.\2.attention."),
    (re.compile(r"^(predictor_)?blocks\.(\d+)\."), r"layer.\2."),
    (re.compile(r"^(predictor_)?norm\."), "layernorm."),
    (re.compile(r"^predictor_proj\."), "proj."),
)


def load_ac(
    path: Path | str,
    config: WorldModelConfig,
    role: EncoderRole = "target_encoder",
) -> WorldModel:
    """Return the frozen world model of an AC checkpoint; raises `BadFileError` if it is no such."""
    checkpoint = read_checkpoint(path)
    with torch.random.fork_rng(devices=[]):  # first weights are drawn, then replaced
        model = WorldModel.from_config(config)
    _fill_encoder(model.encoder, checkpoint, path, role)
    tensors = section(checkpoint, "predictor", path)
    if not config.predictor.use_extrinsics:  # made in every checkpoint, trained in none of them
        tensors = {k: v for k, v in tensors.items() if not k.startswith("extrinsics_encoder.")}
    fill(model.predictor, tensors, f"{path} (predictor)", FIX)
    return model.requires_grad_(False).eval()


def load_encoder(
    path: Path | str, config: EncoderConfig, role: EncoderRole = "target_encoder"
) -> FrameEncoder:
    """Return the frozen encoder of any of Meta's checkpoints; raises `BadFileError`."""
    with torch.random.fork_rng(devices=[]):
        encoder = FrameEncoder(config)
    _fill_encoder(encoder, read_checkpoint(path), path, role)
    return encoder.requires_grad_(False).eval()


def load_pretraining(
    path: Path | str, config: VJEPA2Config, role: EncoderRole = "target_encoder"
) -> VJEPA2Model:
    """Return `transformers`' model, encoder and mask predictor, of a pre-training checkpoint.

    `config` comes from `EncoderConfig.to_transformers(pred_hidden_size=…, …)`. Raises
    `BadFileError`.
    """
    checkpoint = read_checkpoint(path)
    model = VJEPA2Model(config)
    encoder, predictor = (section(checkpoint, part, path) for part in (role, "predictor"))
    fill(model.encoder, to_transformers(encoder, path), f"{path} ({role})", FIX)
    fill(model.predictor, to_transformers(predictor, path), f"{path} (predictor)", FIX)
    model.train(False)
    return model


def read_checkpoint(path: Path | str) -> dict[str, Any]:
    """Return what a `.pt` file holds, on the CPU, without running code from it."""
    try:
        mapped = zipfile.is_zipfile(path)  # 12 GB of AC checkpoint, optimiser and all, stay on disk
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except FileNotFoundError as error:
        raise BadFileError(path, "there is no such file", FIX) from error
    except Exception as error:  # torch and pickle raise half a dozen kinds on a damaged archive
        reason = f"not a checkpoint of tensors ({atomic.unreadable(error)})"
        raise BadFileError(path, reason, FIX) from error
    if not isinstance(content, dict):
        raise BadFileError(path, f"holds a {type(content).__name__}, expected a dictionary", FIX)
    return content


def to_transformers(tensors: dict[str, Tensor], source: Path | str) -> dict[str, Tensor]:
    """Return an encoder's or mask predictor's tensors under the names of `transformers`.

    Query, key and value are parted; mask tokens are gathered into one tensor (n, 1, 1, width).
    Raises `BadFileError`, which names `source`, for tensors that cannot be parted so.
    """
    renamed: dict[str, Tensor] = {}
    masks: dict[int, Tensor] = {}
    for name, tensor in tensors.items():
        if name.startswith("mask_tokens."):
            number = name.removeprefix("mask_tokens.")
            if not number.isdecimal():
                raise BadFileError(source, f"tensor {name} is no mask token with a number", FIX)
            masks[int(number)] = tensor
            continue
        for pattern, replacement in _RENAMED:
            name = pattern.sub(replacement, name)
        if ".attention.qkv." in name:
            if not tensor.ndim or len(tensor) % 3:
                shape = tuple(tensor.shape)
                raise BadFileError(
                    source, f"tensor {name} has shape {shape}, expected 3 parts", FIX
                )
            for part, piece in zip(("query", "key", "value"), tensor.chunk(3), strict=True):
                renamed[name.replace("qkv", part)] = piece
        else:
            renamed[name] = tensor
    if masks:
        ordered = [masks[index] for index in sorted(masks)]
        renamed["embeddings.mask_tokens"] = torch.stack(ordered)
    return renamed


def _fill_encoder(
    encoder: FrameEncoder, checkpoint: dict[str, Any], path: Path | str, role: EncoderRole
) -> None:
    tensors = to_transformers(section(checkpoint, role, path), path)
    fill(encoder.backbone, tensors, f"{path} ({role})", FIX)


def section(
    checkpoint: dict[str, Any], name: str, path: Path | str, *others: str
) -> dict[str, Tensor]:
    """Return the tensors under `name`, or else one of `others`, without prefixes.

    Tables that nothing reads are left out. Raises `BadFileError` if there is no such section, or a
    tensor in it is none of plain numbers.
    """
    found = next((n for n in (name, *others) if n in checkpoint), name)
    section = checkpoint.get(found)
    if not isinstance(section, dict) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in section.items()
    ):
        there = ", ".join(sorted(map(str, checkpoint))) or "nothing"
        fix = STUDENT_FIX if name == "target_encoder" and "encoder" in checkpoint else FIX
        raise BadFileError(path, f"no tensors under {name!r}; it holds {there}", fix)
    stripped = {_PREFIXES.sub("", key): value for key, value in section.items()}
    kept = {key: value for key, value in stripped.items() if key not in _UNUSED}
    check_plain(kept, f"{path} ({found})", FIX)
    return kept

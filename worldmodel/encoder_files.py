"""A frame encoder on disk: `encoder.safetensors` (bfloat16) and `config.json` in one folder."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save as dump_tensors

from armchair.errors import BadFileError
from armchair.worldmodel.encoder import EncoderConfig, FrameEncoder
from armchair.worldmodel.optimisation import atomic
from armchair.worldmodel.tensor_files import fill, made_as_stated, read_safetensors

WEIGHTS, CONFIG = "encoder.safetensors", "config.json"
KIND = "frame-encoder"
FIX = "Give a folder that `armchair pretrain` wrote."


def save_encoder(folder: Path, encoder: FrameEncoder, dtype: torch.dtype = torch.bfloat16) -> None:
    """Write the encoder; rounded to bfloat16, its weights are what every later stage then uses."""
    folder.mkdir(parents=True, exist_ok=True)
    state = encoder.backbone.state_dict()
    weights = {name: value.to(dtype).contiguous() for name, value in state.items()}
    atomic.write_bytes(folder / WEIGHTS, dump_tensors(weights))
    content = {"kind": KIND, "encoder": asdict(encoder.config)}
    atomic.write_json(folder / CONFIG, content)


def load_encoder(folder: Path) -> FrameEncoder:
    """Return the frozen encoder of a folder in float32; raises `BadFileError` if it is not one."""
    config = read_config(folder / CONFIG)
    with made_as_stated(folder / CONFIG, FIX):
        encoder = FrameEncoder(config)
    fill(encoder.backbone, read_safetensors(folder / WEIGHTS, FIX), folder / WEIGHTS, FIX)
    return encoder.requires_grad_(False).eval()


def read_config(path: Path) -> EncoderConfig:
    """Return the size that an encoder's config.json states; raises `BadFileError`."""
    try:
        return EncoderConfig(**json.loads(path.read_text())["encoder"])
    except FileNotFoundError as error:
        raise BadFileError(path, "there is no such file", FIX) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadFileError(path, f"not an encoder's config ({error})", FIX) from error


@torch.no_grad()
def round_weights(encoder: FrameEncoder) -> bool:
    """Round an encoder's weights to bfloat16, in place; return whether any changed."""
    changed = False
    for value in encoder.state_dict().values():
        if value.is_floating_point():
            rounded = value.bfloat16().to(value)
            changed |= not torch.equal(rounded, value)
            value.copy_(rounded)
    return changed


def encoder_hash(encoder: FrameEncoder) -> str:
    """Return a SHA-256 of an encoder's size and weights, to tell token caches apart.

    Weights that bfloat16 holds have one hash, in whatever format they come.
    """
    digest = hashlib.sha256(repr(encoder.config).encode())
    for name, value in sorted(encoder.backbone.state_dict().items()):
        digest.update(name.encode())
        whole = value.float().cpu().contiguous()
        rounded = whole.bfloat16()
        kept = rounded if torch.equal(rounded.float(), whole) else whole
        digest.update(kept.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()

"""The encoders in a relay: the one file that carries a pre-training run from machine to machine."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import Tensor

from armchair.errors import BadFileError
from armchair.worldmodel.encoder import EncoderConfig, FrameEncoder
from armchair.worldmodel.meta import EncoderRole
from armchair.worldmodel.packed_tensors import read_note, read_packed
from armchair.worldmodel.tensor_files import fill, made_as_stated

RELAY = "relay.safetensors"
SUFFIX = Path(RELAY).suffix
SIZE = "size"
"""Name of the note with the encoder's config."""
PREFIXES: dict[EncoderRole, str] = {"target_encoder": "teacher.", "encoder": "student."}
FIX = f"Give the {RELAY} of a run of `armchair pretrain`, or a model's folder."


def load_relay_encoder(
    relay: Path, role: EncoderRole = "target_encoder", fix: str = FIX
) -> FrameEncoder:
    """Return a relay's EMA teacher, or its student, frozen and in float32.

    Raises `BadFileError` if it is no relay, or an early one that does not say its encoder's size.
    """
    tensors, size = read_packed(relay, fix), read_note(relay, SIZE)
    if size is None:
        raise BadFileError(relay, "it does not say its encoder's size", fix)
    try:
        config = EncoderConfig(**json.loads(size))
    except (ValueError, TypeError) as error:
        raise BadFileError(relay, f"its encoder's size cannot be read ({error})", fix) from error
    with torch.random.fork_rng(devices=[]), made_as_stated(relay, fix):
        encoder = FrameEncoder(config)
    fill(encoder.backbone, beginning(tensors, PREFIXES[role]), relay, fix)
    return encoder.requires_grad_(False).eval()


def beginning(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors whose names begin so, under the rest of their names."""
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}

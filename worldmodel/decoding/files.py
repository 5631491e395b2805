"""A frame decoder on disk: `decoder.safetensors` and `decoder.json`, often beside a world model."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save as dump_tensors

from armchair.errors import BadFileError
from armchair.worldmodel.decoding.network import DecoderSize, FrameDecoder
from armchair.worldmodel.encoder import EncoderConfig, FrameEncoder
from armchair.worldmodel.encoder_files import encoder_hash
from armchair.worldmodel.optimisation import atomic
from armchair.worldmodel.tensor_files import fill, made_as_stated, read_safetensors

WEIGHTS, CONFIG = "decoder.safetensors", "decoder.json"
FIX = (
    "Train one with `armchair decoder --model MODEL --videos FOLDER --out OUT --steps 6000`, then "
    "give `armchair imagine --decoder OUT/decoder`."
)


def save_decoder(folder: Path, decoder: FrameDecoder, encoder: FrameEncoder) -> None:
    """Write the decoder, matrices in bfloat16, with the hash of the encoder that it reads."""
    folder.mkdir(parents=True, exist_ok=True)
    parameters = {name for name, _ in decoder.named_parameters()}
    tensors = {
        name: (value.to(torch.bfloat16) if name in parameters else value).contiguous()
        for name, value in decoder.state_dict().items()
    }
    atomic.write_bytes(folder / WEIGHTS, dump_tensors(tensors))
    content = {
        "kind": "frame-decoder",
        "encoder_sha256": encoder_hash(encoder),
        "encoder": asdict(decoder.encoder_config),
        "decoder": asdict(decoder.size),
    }
    atomic.write_json(folder / CONFIG, content)


def load_decoder(folder: Path, encoder: FrameEncoder) -> FrameDecoder:
    """Return the frozen decoder of a folder, in float32.

    Raises `BadFileError` if there is none, if it is damaged, or if it was trained on the tokens of
    another encoder: those mean something else.
    """
    path = folder / CONFIG
    try:
        content = json.loads(path.read_text())
        config, size = EncoderConfig(**content["encoder"]), DecoderSize(**content["decoder"])
        trained_on = content["encoder_sha256"]
    except FileNotFoundError as error:
        raise BadFileError(path, "there is no decoder here", FIX) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadFileError(path, f"not a decoder's config ({error})", FIX) from error
    if config != encoder.config or trained_on != encoder_hash(encoder):
        raise BadFileError(path, "a decoder of another encoder's tokens", FIX)
    with torch.random.fork_rng(devices=[]), made_as_stated(path, FIX):
        decoder = FrameDecoder(config, size)
    fill(decoder, read_safetensors(folder / WEIGHTS, FIX), folder / WEIGHTS, FIX)
    return decoder.requires_grad_(False).eval()

"""World models and encoders from wherever they are: a name, a folder, a file of Meta's, the hub."""

from __future__ import annotations

import json
import re
from importlib.metadata import entry_points
from pathlib import Path
from typing import cast

import torch
from rich.console import Console

from armchair.errors import BadFileError, BadValueError, UnknownNameError
from armchair.worldmodel import encoder_files, hub_folder, meta, model_files
from armchair.worldmodel.download import fetch, fetch_repository
from armchair.worldmodel.encoder import FrameEncoder
from armchair.worldmodel.meta import EncoderRole
from armchair.worldmodel.model import WorldModel
from armchair.worldmodel.model_files import WorldModelConfig
from armchair.worldmodel.no_predictor import NoPredictor
from armchair.worldmodel.official import OFFICIAL, SECONDS_PER_STEP, OfficialWeights
from armchair.worldmodel.predictor import ACPredictor
from armchair.worldmodel.relay_files import SUFFIX, load_relay_encoder
from armchair.worldmodel.tensor_files import fill, made_as_stated

META_SUFFIXES = (".pt", ".pth", ".tar")
FILES = (*META_SUFFIXES, SUFFIX)
LARGE = "384"
"""In the file's name of ViT-g for larger pictures than the others'."""
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def known_names() -> list[str]:
    """Return every model's name: what is shipped, and what Meta released."""
    return [*model_files.SHIPPED_NAMES, *OFFICIAL]


def load_world_model(name: Path | str, role: EncoderRole | None = None) -> WorldModel:
    """Return a frozen model in float32; see `WorldModel.from_pretrained`."""
    place = locate(name)
    if place.is_file() and place.suffix == SUFFIX:
        return encoder_only(load_relay_encoder(place, role or "target_encoder"), str(name))
    if place.is_file():
        official = OFFICIAL.get(str(name)) or recognise(place)
        return _from_meta(place, official, str(name), role or "target_encoder")
    _check_no_role(name, role)
    if _kind(place / model_files.CONFIG) in (encoder_files.KIND, hub_folder.MODEL_TYPE):
        return encoder_only(_encoder_of_folder(place), str(name))
    return _from_folder(place)


def load_frame_encoder(name: Path | str, role: EncoderRole | None = None) -> FrameEncoder:
    """Return a frozen encoder in float32, of anything that `load_world_model` takes."""
    place = locate(name)
    if place.is_dir() and _kind(place / model_files.CONFIG) != model_files.KIND:
        _check_no_role(name, role)
        return _encoder_of_folder(place)
    return load_world_model(name, role).encoder


def _check_no_role(name: Path | str, role: EncoderRole | None) -> None:
    """Raise `BadValueError` if one of the encoders of a folder, which has but one, is asked for."""
    if role is not None:
        raise BadValueError(
            f"{name}: --role {role} is for a .pt file of Meta's or a relay, which hold two "
            "encoders; a folder or a hub id has one. Leave it out."
        )


def encoder_only(encoder: FrameEncoder, name: str) -> WorldModel:
    """Return a world model that encodes, and says what is missing when asked to predict."""
    predictor = cast(ACPredictor, NoPredictor(name))
    model = WorldModel(encoder, predictor, seconds_per_step=SECONDS_PER_STEP)
    return model.requires_grad_(False).eval()


def locate(name: Path | str) -> Path:
    """Return the folder, `.pt` file or relay that a name, a path or a hub id stands for.

    Raises `UnknownNameError`, `BadFileError`, `BadValueError` for the name of a plug-in, or
    `ArmchairError` if it cannot be fetched.
    """
    if official := OFFICIAL.get(str(name)):
        return fetch(official.url, size=official.bytes, sha256=official.sha256)
    path = Path(name)
    if str(name) in model_files.SHIPPED_NAMES or path.is_dir():
        return model_files.find(name)
    if path.is_file() and path.suffix in FILES:
        return path
    if not path.exists() and not isinstance(name, Path):
        if _HUB_ID.fullmatch(name):
            return fetch_repository(name)
        if entry_points(group=model_files.ENTRY_POINT_GROUP, name=name):
            raise BadValueError(
                f"model {name!r} is a plug-in: evaluate, landscape, calibrate and watch take it. "
                "Give a model with an encoder and a predictor of ours here."
            )
        if "/" not in name:
            raise UnknownNameError("model", name, known_names())
    return model_files.find(path)


def recognise(path: Path) -> OfficialWeights:
    """Return which released architecture a `.pt` file has, by its tensors' shapes.

    ViT-g at 256 and 384 pixels has the same shapes: the file's name tells them apart, and a line
    on stderr says so. Raises `BadFileError` for any other architecture, which only `meta.load_ac`
    with a config can load.
    """
    checkpoint = meta.read_checkpoint(path)
    encoder = meta.section(checkpoint, "target_encoder", path, "encoder")
    predictor = checkpoint.get("predictor")
    acting = isinstance(predictor, dict) and any("action_encoder" in str(n) for n in predictor)
    bias = encoder.get("patch_embed.proj.bias", torch.zeros(0))
    width = len(bias) if bias.ndim else 0
    depth = len({name.split(".")[1] for name in encoder if name.startswith("blocks.")})
    fitting = [
        official
        for official in OFFICIAL.values()
        if (official.encoder.width, official.encoder.depth) == (width, depth)
        and (official.predictor is not None) == acting
    ]
    if not fitting:
        raise BadFileError(
            path,
            f"an encoder of width {width} and depth {depth}, "
            f"{'with' if acting else 'without'} action-conditioned predictor: none of the released "
            f"models ({', '.join(OFFICIAL)})",
            "Convert it with `armchair convert --architecture CONFIG.json`, which says its size.",
        )
    if len(fitting) == 1:
        return fitting[0]
    named = LARGE in path.name
    taken = next(o for o in fitting if (o.encoder.image_size == int(LARGE)) == named)
    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    console.print(
        f"{path}: taken for pictures of {taken.encoder.image_size} pixels, as its name has "
        f"{'a' if named else 'no'} {LARGE}: weights do not tell. If that is wrong, rename the file."
    )
    return taken


def _from_meta(path: Path, official: OfficialWeights, name: str, role: EncoderRole) -> WorldModel:
    if official.predictor is None:
        return encoder_only(meta.load_encoder(path, official.encoder, role), name)
    config = WorldModelConfig(
        encoder=official.encoder,
        predictor=official.predictor,
        sandbox=False,
        seconds_per_step=SECONDS_PER_STEP,
    )
    return meta.load_ac(path, config, role)


def _from_folder(folder: Path) -> WorldModel:
    config, tensors = model_files.read(folder)
    stated = made_as_stated(folder / model_files.CONFIG, model_files.FIX)
    with torch.random.fork_rng(devices=[]), stated:  # first weights are drawn, then replaced
        model = WorldModel.from_config(config)
    fill(model, tensors, folder / model_files.WEIGHTS, model_files.FIX)
    return model.requires_grad_(False).eval()


def _encoder_of_folder(folder: Path) -> FrameEncoder:
    if _kind(folder / model_files.CONFIG) == hub_folder.MODEL_TYPE:
        return hub_folder.load_hub_encoder(folder)
    return encoder_files.load_encoder(folder)


def load_of_architecture(
    path: Path, architecture: Path, role: EncoderRole = "target_encoder", whole: bool = True
) -> WorldModel:
    """Return the frozen model of a `.pt` file that has the size which a config.json states.

    The config is a world model's or a frame encoder's of ours, or a V-JEPA 2 encoder's of
    `transformers`; without predictor, or not `whole`, the encoder alone is taken. Raises
    `BadFileError`, and `BadValueError` for the config of a sandbox model.
    """
    kind = _kind(architecture)
    if kind == encoder_files.KIND:
        size = encoder_files.read_config(architecture)
    elif kind == hub_folder.MODEL_TYPE:
        size = hub_folder.read_hub_config(architecture)
    else:
        config = model_files.read_config(architecture)
        if whole:
            return meta.load_ac(path, _as_meta(config, architecture), role)
        size = config.encoder
    return encoder_only(meta.load_encoder(path, size, role), str(path))


def _as_meta(config: WorldModelConfig, path: Path) -> WorldModelConfig:
    if config.sandbox:
        raise BadValueError(f"{path}: a sandbox model's config; Meta's files hold no such model.")
    return config


def _kind(path: Path) -> str:
    """Return what a config.json says it is of, or nothing if it says nothing."""
    try:
        content = json.loads(path.read_text())
        return str(content.get("kind") or content.get("model_type"))
    except (OSError, ValueError, AttributeError):
        return ""

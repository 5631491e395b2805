"""World models by name, folder or entry point, with the fingerprint that a report states."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch
from torch import nn

from armchair.errors import ArmchairError
from armchair.evaluation.provenance import plugin_code
from armchair.planners import LatentDynamics
from armchair.planners.plugins import make_plugin
from armchair.worldmodel.model_files import ENTRY_POINT_GROUP, WEIGHTS, find


@dataclass(frozen=True, kw_only=True)
class NamedModel:
    """A model ready to plan with, the name it was asked for by, and the sha256 of its weights, a
    plug-in's with its code."""

    model: LatentDynamics
    name: str
    sha256: str


def load_world_model(name: str) -> NamedModel:
    """Return a model by name or folder; plug-ins of `armchair.world_models` come before folders.

    Raises `UnknownNameError` or `BadFileError`, as `WorldModel.from_pretrained` does, and
    `BadValueError` for a plug-in that cannot be made, lacks a method, or takes a name that another
    has.
    """
    from armchair.worldmodel.model import WorldModel
    from armchair.worldmodel.sources import known_names

    needs = ("encode", "rollout")
    plugin: LatentDynamics | None = make_plugin(
        ENTRY_POINT_GROUP, name, "world model", needs, known_names()
    )
    if plugin is not None:
        told = f"{weights_sha256(plugin)} {plugin_code(plugin)}"
        return NamedModel(model=plugin, name=name, sha256=hashlib.sha256(told.encode()).hexdigest())
    model = WorldModel.from_pretrained(name).to("cuda" if torch.cuda.is_available() else "cpu")
    try:
        with (find(name) / WEIGHTS).open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except (ArmchairError, OSError):  # from a file of Meta's, or from the hub
        sha256 = weights_sha256(model)
    return NamedModel(model=model, name=name, sha256=sha256)


def weights_sha256(model: object) -> str:
    """Return the sha256 over all weights and buffers by name, or of nothing if there are none."""
    digest = hashlib.sha256()
    state = model.state_dict() if isinstance(model, nn.Module) else {}
    for name in sorted(state):
        tensor = state[name]
        if isinstance(tensor, torch.Tensor):
            flat = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
            digest.update(flat.numpy().tobytes())
    return digest.hexdigest()

"""A world model on disk: `config.json` says what it is, `model.safetensors` holds the weights."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save as dump_safetensors
from torch import Tensor

from armchair.errors import BadFileError, BadValueError, UnknownNameError, check_above
from armchair.worldmodel.encoder import EncoderConfig
from armchair.worldmodel.optimisation import atomic
from armchair.worldmodel.predictor import PredictorConfig
from armchair.worldmodel.tensor_files import read_safetensors

CONFIG, WEIGHTS = "config.json", "model.safetensors"
KIND = "world-model"
RESULT = "model"
"""The model's folder in that of a training run."""
CARD = "README.md"
"""What the model is, what it was made from and how well it does, for people; the hub's name."""
FORMAT = 1
"""Of config.json; a number higher than this comes from a later Armchair."""
SHIPPED = Path(__file__).parent / "weights"
"""Models inside the package, by name."""
SHIPPED_NAMES = ("default",)
ENTRY_POINT_GROUP = "armchair.world_models"
"""World models of other packages: they imagine for planners, and have no encoder of ours."""
FIX = "Give a folder that `armchair train` wrote, or a name: default, vjepa2-ac-vitg, …"


@dataclass(frozen=True, kw_only=True)
class WorldModelConfig:
    """What `config.json` says."""

    encoder: EncoderConfig
    predictor: PredictorConfig
    sandbox: bool
    """Latents in units of change and a predictor of changes, or as in the paper."""
    seconds_per_step: float

    def __post_init__(self) -> None:
        check_above(self, seconds_per_step=0)
        seen, made = self.predictor, self.encoder
        if (seen.token_width, seen.grid) != (made.width, made.grid):
            raise BadValueError(
                f"the predictor reads tokens of width {seen.token_width} on a grid {seen.grid}, "
                f"the encoder makes width {made.width} on {made.grid}; make them agree."
            )


def find(name: Path | str) -> Path:
    """Return the folder of a shipped name or of a path.

    Raises `UnknownNameError` if it is neither, and `BadFileError` if the path or the shipped model
    is not there.
    """
    if str(name) in SHIPPED_NAMES:
        folder = SHIPPED / str(name)
        if not (folder / WEIGHTS).exists():
            fix = "Make it with `make model`, install a release, or give a model's folder."
            raise BadFileError(folder, f"this copy of Armchair has no {name} model", fix)
        return folder
    folder = Path(name)
    if folder.is_dir():
        return folder
    if folder.exists():
        raise BadFileError(folder, "a file, not a model's folder", FIX)
    if isinstance(name, Path) or os.sep in name:
        raise BadFileError(folder, "there is no such folder", FIX)
    raise UnknownNameError("model", name, SHIPPED_NAMES)


def write(
    folder: Path, config: WorldModelConfig, tensors: dict[str, Tensor], card: str | None = None
) -> None:
    """Write a model's folder, tensors in the number format they come in; each file in one go.

    Without a `card` there must be none yet: see `check_no_card`.
    """
    if card is None:
        check_no_card(folder)
    folder.mkdir(parents=True, exist_ok=True)
    plain = {name: tensor.contiguous().cpu() for name, tensor in tensors.items()}
    atomic.write_bytes(folder / WEIGHTS, dump_safetensors(plain))
    content = {"format": FORMAT, "kind": KIND, **asdict(config)}
    atomic.write_json(folder / CONFIG, content)
    if card is not None:
        atomic.write_bytes(folder / CARD, card.encode())


def check_no_card(folder: Path) -> None:
    """Raise `BadFileError` if a card lies where weights shall go that it does not speak of."""
    if (folder / CARD).exists():
        fix = "Move or delete it, or choose another folder."
        raise BadFileError(folder / CARD, "it would stand beside weights that are not its", fix)


def read(folder: Path) -> tuple[WorldModelConfig, dict[str, Tensor]]:
    """Return a folder's config and tensors; raises `BadFileError` if either is damaged."""
    return read_config(folder / CONFIG), read_safetensors(folder / WEIGHTS, FIX)


def read_config(path: Path) -> WorldModelConfig:
    """Return what a `config.json` says; raises `BadFileError` if it is not a world model's."""
    try:
        content: dict[str, Any] = json.loads(path.read_text())
        kind, number = content.pop("kind", None), content.pop("format", None)
        if (kind, number) != (KIND, FORMAT):
            raise BadFileError(path, f"kind {kind!r}, format {number!r}", FIX)
        encoder = EncoderConfig(**content.pop("encoder"))
        predictor = PredictorConfig(**content.pop("predictor"))
        return WorldModelConfig(encoder=encoder, predictor=predictor, **content)
    except FileNotFoundError as error:
        below = path.parent / RESULT
        fix = f"Did you mean {below}?" if (below / CONFIG).exists() else FIX
        raise BadFileError(path, "there is no such file", fix) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        detail = f"{type(error).__name__}: {error}"
        raise BadFileError(path, f"not a world model's config ({detail})", FIX) from error

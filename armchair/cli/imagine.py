"""Decode a rollout of a given action sequence next to the real frames.

Writes rollout.png (real, decoded and imagined frames), gripper.png (the same motion imagined with
open and with closed gripper) and imagine.json (errors by horizon) into --out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from armchair.cli._places import check_folder
from armchair.errors import BadFileError, BadValueError

if TYPE_CHECKING:
    from armchair.evaluation.imagination import Imagination

STEPS = 8
"""Model steps that are imagined unless it is said."""
MOST = np.array([2.0] * 3 + [2 * np.pi] * 3 + [1.0])
"""The most that an action may say, metres, radians and closedness: more are other units."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of `armchair imagine`."""

    episodes: Path
    """Folder of DROID-format episodes, or one episode's folder."""
    out: Path
    """Folder for the pictures and the numbers."""
    model: str = "default"
    """World model: a name (default is the shipped one), a folder, a .pt file of Meta's or a Hugging
    Face hub id."""
    decoder: Path | None = None
    """Folder with decoder.safetensors, OUT/decoder of `armchair decoder` (default: the model's own
    folder; the shipped model has one)."""
    index: int = 0
    """Which episode of the folder, counted from 0."""
    start_row: int = 0
    """Row (15 Hz) of the first frame, the only one that the predictor is shown."""
    steps: int | None = None
    """Model steps to imagine, about 0.27 s each for the shipped model (default: as many as
    --actions has, else 8)."""
    actions: Path | None = None
    """Actions (steps, 7) to imagine, metres and radians, as .npy or .json; default: the logged."""

    def __post_init__(self) -> None:
        check_folder("--out", self.out)
        for name, least in (("steps", 1), ("start_row", 0), ("index", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                option = name.replace("_", "-")
                raise BadValueError(f"--{option} is {value}, expected {least} or more.")


def run(config: Config) -> None:
    """Imagine, draw and print the errors."""
    from armchair.evaluation.imagination import imagine, open_and_closed
    from armchair.evaluation.provenance import code_version
    from armchair.evaluation.strips import draw_strips
    from armchair.worldmodel.decoding.files import load_decoder
    from armchair.worldmodel.devices import best_device
    from armchair.worldmodel.model import WorldModel
    from armchair.worldmodel.optimisation import atomic
    from armchair.worldmodel.sources import locate

    model = WorldModel.from_pretrained(config.model).to(best_device())
    place = config.decoder or _folder(locate(config.model))
    decoder = load_decoder(place, model.encoder).to(model.device)
    frames, states, actions = _clip(config, model.seconds_per_step)
    found = imagine(model, decoder, frames, states, actions)
    columns = [f"{step * model.seconds_per_step:.2f} s" for step in range(len(actions) + 1)]
    rows = {"real": found.real, "encoded,\ndecoded": found.decoded,
            "imagined,\ndecoded": found.imagined}  # fmt: skip
    draw_strips(config.out / "rollout.png", rows, columns)
    opened, closed = open_and_closed(model, decoder, frames[0], states[0], actions)
    rows = {"imagined,\ngripper open": opened, "imagined,\ngripper closed": closed}
    draw_strips(config.out / "gripper.png", rows, columns)
    if config.actions is None:
        _print(found)
    else:
        Console().print("no errors: real frames followed the logged actions", highlight=False)
    atomic.write_json(
        config.out / "imagine.json",
        {
            "model": config.model,
            "code": code_version(),
            "episodes": str(config.episodes),
            "index": config.index,
            "start_row": config.start_row,
            "seconds_per_step": model.seconds_per_step,
            "decoder_psnr_db": found.decoder_psnr,
            "actions": "logged" if config.actions is None else str(config.actions),
            "errors": found.errors if config.actions is None else None,
            "copy_errors": found.copy_errors if config.actions is None else None,
        },
    )
    Console().print(f"pictures: {config.out}", soft_wrap=True, highlight=False)


def _folder(place: Path) -> Path:
    """Return a model's folder, which may be named by its file."""
    return place if place.is_dir() else place.parent


def _clip(
    config: Config, seconds_per_step: float
) -> tuple[NDArray[np.uint8], NDArray[np.float64], NDArray[np.float64]]:
    """Return real frames (T, H, W, 3), states (T, 7) and actions (H, 7) to imagine."""
    from armchair.poses import difference
    from armchair.worldmodel.data.episodes import DroidEpisodes, rows_per_step

    episodes = DroidEpisodes(config.episodes)
    if config.index >= len(episodes):
        raise BadValueError(
            f"--index {config.index}: {config.episodes} holds {len(episodes)} episode(s); give 0 … "
            f"{len(episodes) - 1}."
        )
    episode = episodes[config.index]
    stride = rows_per_step(seconds_per_step)
    given = None if config.actions is None else _read_actions(config.actions, config.steps)
    steps = (config.steps or STEPS) if given is None else len(given)
    rows = range(config.start_row, len(episode), stride)[: steps + 1]
    if len(rows) <= steps:
        lower = "--steps" if given is None else "the number of --actions"
        raise BadValueError(
            f"{episode.path}: {len(episode)} rows are too few for {steps} steps of {stride} "
            f"rows from row {config.start_row}; lower {lower} or --start-row."
        )
    states = episode.states()[list(rows)]
    actions = difference(states[:-1], states[1:]) if given is None else given
    return episode.frames(list(rows)), states, actions


def _read_actions(path: Path, steps: int | None) -> NDArray[np.float64]:
    """Return a file's actions (H, 7); raises for another count than `steps`, if that is given."""
    try:
        if path.suffix == ".json":
            values = np.asarray(json.loads(path.read_text()), dtype=np.float64)
        else:
            values = np.load(path, allow_pickle=False).astype(np.float64)
    except (OSError, ValueError, TypeError, AttributeError, EOFError) as error:
        raise BadFileError(path, f"no array of actions ({error})", "Give .npy or .json.") from error
    if values.ndim != 2 or values.shape[1] != 7 or not len(values) or not np.isfinite(values).all():
        found = f"shape {values.shape}, expected (steps, 7) of finite numbers"
        raise BadFileError(path, found, "Give one row of x y z, roll pitch yaw, gripper a step.")
    if steps not in (None, len(values)):
        raise BadFileError(path, f"{len(values)} actions, --steps is {steps}", "Leave out --steps.")
    far = np.abs(values) > MOST
    if far.any():
        row, column = np.argwhere(far)[0]
        found = f"row {row} has {values[row, column]:g} where {MOST[column]:.3g} is the most"
        raise BadFileError(path, found, "Give metres, radians and shares of the gripper's way.")
    return values


def _print(found: Imagination) -> None:
    table = Table(title="mean |predicted − encoded| of LayerNormed tokens", title_justify="left")
    for column in ("horizon", "model", "nothing moves", "ratio"):
        table.add_column(column, justify="right")
    for step, (error, still) in enumerate(zip(found.errors, found.copy_errors, strict=True), 1):
        ratio = f"{error / still:.2f}" if still else "–"
        table.add_row(str(step), f"{error:.4f}", f"{still:.4f}", ratio)
    Console().print(table)
    Console().print(f"decoder: {found.decoder_psnr:.1f} dB on these frames", highlight=False)

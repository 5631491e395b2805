"""Pre-train a V-JEPA 2 encoder on video alone, by mask-denoising.

Learns from folders of MP4 files; states and actions are never read. Run the same command again to
go on after a kill. With --steps the resumed run ends in the same weights as an uninterrupted one;
with --minutes it cannot promise that.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import tyro
from rich.console import Console

from armchair.cli._places import check_some
from armchair.cli._presets import PRETRAININGS, Pretraining, chosen_preset, value_of
from armchair.errors import ArmchairError, BadFileError, BadValueError
from armchair.recipes import paper, sandbox
from armchair.worldmodel.data.frame_store import StoreConfig
from armchair.worldmodel.optimisation.budget import Budget
from armchair.worldmodel.optimisation.loop import LoopConfig, has_begun
from armchair.worldmodel.pretraining.learner import PretrainConfig

if TYPE_CHECKING:
    from armchair.evaluation.encoder_watch import EncoderWatch


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of `armchair pretrain`."""

    videos: tuple[Path, ...]
    """Folders of MP4 files, DROID-format folders included."""
    uniform: tuple[Path, ...] = ()
    """Folders of videos of uniform motion (`collect --mix uniform`), for --recipe.uniform.*."""
    out: Path
    """Folder for the results: encoder/, relay.safetensors, checkpoint.pt, log.txt, tensorboard/."""
    store: Path | None = None
    """Folder of decoded frames, extended by videos that it lacks (default: OUT/frames)."""
    preset: Pretraining = "sandbox"
    """Recipe that --recipe.* options start from: what ships, or appendix A.1 of the paper with
    ViT-L, -H or -g; or the cooldown after any, on longer clips and larger pictures, with --init of
    the first run."""
    steps: int | None = None
    """Optimiser steps; give this or --minutes."""
    minutes: float | None = None
    """Minutes of wall clock; the learning rate follows the elapsed share."""
    init: Path | None = None
    """relay.safetensors of an earlier run, or a folder (encoder/, or the model/ of
    `train`): start from its weights with a fresh optimiser and warm-up. Pictures may be larger and
    clips longer than before. A run that goes on does not read it again."""
    watch: Path | None = None
    """Folder of DROID-format episodes whose labels tell, every --loop.evaluate-steps, how well
    ridge regression finds flange and object in the tokens (default: those of --videos, if they
    are eight or more); the weights are the same without."""
    watching: bool = True
    """Look at the tokens so at all."""
    seed: int = 0
    """Seed of weights, clips, crops and masks."""
    frames: StoreConfig = field(default_factory=StoreConfig)
    recipe: PretrainConfig = field(default_factory=sandbox.pretrain)
    loop: LoopConfig = field(default_factory=LoopConfig)

    def __post_init__(self) -> None:
        check_some("--videos", self.videos)


def defaults(options: Sequence[str]) -> Config:
    """Return the defaults that `--preset` among the options asks for."""
    preset = chosen_preset(options, PRETRAININGS)
    known: dict[str, tuple[PretrainConfig, StoreConfig, int | None]] = {
        "sandbox": (sandbox.pretrain(), StoreConfig(), None),
        "sandbox-cooldown": (sandbox.cooldown(), sandbox.cooldown_frames(), None),
    }
    for name, encoder in paper.ENCODERS.items():
        primary, cooldown = paper.pretrain(encoder), paper.cooldown(encoder)
        known[name] = (primary, paper.frames(256), paper.PRETRAIN_STEPS)
        known[f"{name}-cooldown"] = (cooldown, paper.frames(384), paper.COOLDOWN_STEPS)
    recipe, frames, steps = known[preset]
    if value_of(options, "--minutes") is not None:
        steps = None
    missing = tyro.MISSING
    return Config(
        videos=missing, out=missing, preset=preset, steps=steps, frames=frames, recipe=recipe
    )


def run(config: Config) -> None:
    """Pre-train as configured."""
    fresh = config.init is None and not has_begun(config.out)
    if config.preset.endswith("cooldown") and fresh:
        raise BadValueError(
            f"--preset {config.preset} goes on from a first run: give its relay as --init."
        )
    from armchair.worldmodel.pretraining.run import PretrainRun, pretrain

    _check_gliding(config.uniform, views=config.recipe.uniform.views > 0)
    pretrain(
        PretrainRun(
            videos=config.videos,
            uniform=config.uniform,
            out=config.out,
            store=config.store or config.out / "frames",
            init=config.init,
            seed=config.seed,
        ),
        config.recipe,
        config.frames,
        config.loop,
        Budget(steps=config.steps, minutes=config.minutes),
        partial(_watch, config),
    )


def _check_gliding(folders: Sequence[Path], *, views: bool) -> None:
    """Raise `BadFileError` for episodes that say they show no uniform motion, or other `views`."""
    from armchair.sim.manifest import GLIDING, behaviours_of, settings_of

    for path, settings in (found for folder in folders for found in settings_of(folder).items()):
        names = behaviours_of(settings)
        if others := [name for name in names if name not in GLIDING]:
            raise BadFileError(
                path,
                f"says that these episodes were made with `{others[0]}`, in which things do not "
                "move uniformly",
                "Give the folder as --videos, and to --uniform another (`collect --mix uniform`)",
            )
        if names and views and "wrist" in settings.get("cameras", ()):
            raise BadFileError(
                path,
                "says that the wrist camera was filmed, and uniform.views compares the left with "
                "the right one",
                "Collect others with `armchair collect --mix uniform --cameras left right`",
            )


def _watch(config: Config) -> EncoderWatch | None:
    from armchair.evaluation.encoder_watch import EncoderWatch
    from armchair.evaluation.probes import MIN_EPISODES
    from armchair.worldmodel.data.episodes import DroidEpisodes, EpisodeHandle

    shape = config.recipe.encoder.image_shape
    if not config.watching:
        return None
    if config.watch is not None:
        return EncoderWatch(DroidEpisodes(config.watch), shape)
    found: list[EpisodeHandle] = []
    for folder in config.videos:
        with suppress(BadFileError):  # videos need not be episodes
            found += DroidEpisodes(folder)
    if len(found) < MIN_EPISODES:
        return None
    try:
        return EncoderWatch(found, shape)
    except ArmchairError as error:  # pre-training itself reads the videos alone
        Console(stderr=True).print(f"not watching: {error}", soft_wrap=True, markup=False)
        return None

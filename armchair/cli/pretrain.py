"""`armchair pretrain`: mask-denoising pre-training of a V-JEPA 2 encoder on video alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import tyro

from armchair.cli._presets import chosen_preset
from armchair.recipes import paper, sandbox
from armchair.worldmodel.data.frame_store import StoreConfig
from armchair.worldmodel.optimisation.budget import Budget
from armchair.worldmodel.optimisation.loop import LoopConfig
from armchair.worldmodel.pretraining.learner import PretrainConfig


@dataclass(frozen=True, kw_only=True)
class Config:
    """Pre-train a video encoder on folders of MP4 files; states and actions are never read.

    Run the same command again to go on after a kill. With --steps the resumed run ends in the same
    weights as an uninterrupted one; with --minutes it cannot promise that.
    """

    videos: tuple[Path, ...]
    """Folders of MP4 files, DROID-format folders included."""
    out: Path
    """Folder for the results: encoder/, relay.pt, checkpoint.pt, log.txt, tensorboard/."""
    store: Path | None = None
    """Folder of decoded frames, extended by videos that it lacks (default: OUT/frames)."""
    preset: Literal["sandbox", "paper"] = "sandbox"
    """Recipe that --recipe.* options start from: what ships, or appendix A.1 of the paper."""
    steps: int | None = None
    """Optimiser steps; give this or --minutes."""
    minutes: float | None = None
    """Minutes of wall clock; the learning rate follows the elapsed share."""
    init: Path | None = None
    """relay.pt of an earlier run: start from its weights with a fresh optimiser and warm-up."""
    seed: int = 0
    """Seed of weights, clips, crops and masks."""
    frames: StoreConfig = field(default_factory=StoreConfig)
    recipe: PretrainConfig = field(default_factory=sandbox.pretrain)
    loop: LoopConfig = field(default_factory=LoopConfig)


def defaults(options: Sequence[str]) -> Config:
    """Return the defaults that `--preset` among the options asks for."""
    preset = chosen_preset(options)
    if preset == "sandbox":
        return Config(videos=tyro.MISSING, out=tyro.MISSING)
    return Config(
        videos=tyro.MISSING,
        out=tyro.MISSING,
        preset=preset,
        steps=paper.PRETRAIN_STEPS if "--minutes" not in options else None,
        frames=paper.frames(),
        recipe=paper.pretrain(),
    )


def run(config: Config) -> None:
    """Pre-train as configured."""
    from armchair.worldmodel.pretraining.run import PretrainRun, pretrain

    pretrain(
        PretrainRun(
            videos=config.videos,
            out=config.out,
            store=config.store or config.out / "frames",
            init=config.init,
            seed=config.seed,
        ),
        config.recipe,
        config.frames,
        config.loop,
        Budget(steps=config.steps, minutes=config.minutes),
    )

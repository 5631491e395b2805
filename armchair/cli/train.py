"""Train the action-conditioned predictor on a frozen encoder.

Learns from DROID-format episodes, whose frames are encoded once. Run the same command again to go
on after a kill. With --steps the resumed run ends in the same weights as an uninterrupted one; with
--minutes it cannot promise that.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import tyro

from armchair.cli._places import check_some
from armchair.cli._presets import PRESETS, Preset, chosen_preset, value_of
from armchair.errors import BadFileError
from armchair.recipes import paper, sandbox
from armchair.worldmodel.optimisation.budget import Budget
from armchair.worldmodel.optimisation.loop import LoopConfig
from armchair.worldmodel.training.cache_layout import CacheConfig
from armchair.worldmodel.training.learner import TrainConfig


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of `armchair train`."""

    episodes: tuple[Path, ...]
    """Folders of DROID-format episodes."""
    encoder: Path
    """Folder that `armchair pretrain` wrote (OUT/encoder), or its relay.safetensors; default, the
    shipped model's; or of released weights a name (vjepa2-vitl, -vith, -vitg, -vitg-384), a .pt
    file or a Hugging Face hub id."""
    out: Path
    """Folder for the results: model/, checkpoint.pt, log.txt, tensorboard/."""
    held_out: tuple[Path, ...] = ()
    """Folders of held-out episodes (default: one in twenty of --episodes, by
    their names)."""
    cache: Path | None = None
    """Folder of the token caches (default: OUT/tokens); one encoder per folder."""
    preset: Preset = "sandbox"
    """Recipe that --recipe.* options start from: what ships, or appendix B.1 of the paper."""
    steps: int | None = None
    """Optimiser steps; give this or --minutes."""
    minutes: float | None = None
    """Minutes of wall clock; the learning rate follows the elapsed share."""
    init: Path | None = None
    """model/ of an earlier run: start from its predictor, and from its units if the encoder is the
    same. A run that goes on does not read it again."""
    seed: int = 0
    """Seed of weights and clips."""
    tokens: CacheConfig = field(default_factory=CacheConfig)
    recipe: TrainConfig = field(default_factory=sandbox.train)
    loop: LoopConfig = field(default_factory=LoopConfig)

    def __post_init__(self) -> None:
        check_some("--episodes", self.episodes)


def defaults(options: Sequence[str]) -> Config:
    """Return the defaults that `--preset` among the options asks for."""
    preset = chosen_preset(options, PRESETS)
    recipe = paper.train() if preset == "paper" else sandbox.train()
    by_clock = value_of(options, "--minutes") is not None
    steps = paper.STEPS if preset == "paper" and not by_clock else None
    missing = tyro.MISSING
    return Config(
        episodes=missing, encoder=missing, out=missing, preset=preset, recipe=recipe, steps=steps
    )


def run(config: Config) -> None:
    """Train as configured; of several processes, the one that writes the model writes its card."""
    from armchair.evaluation.card import data_lines
    from armchair.worldmodel.training.run import TrainRun, train

    _check_acted((*config.episodes, *config.held_out))
    wanted = TrainRun(
        episodes=config.episodes,
        encoder=config.encoder,
        out=config.out,
        cache=config.cache or config.out / "tokens",
        held_out=config.held_out,
        init=config.init,
        seed=config.seed,
    )
    budget = Budget(steps=config.steps, minutes=config.minutes)
    leads = int(os.environ.get("RANK", "0")) == 0
    data = [data_lines(folders) for folders in (config.episodes, config.held_out) if leads]
    folder = train(wanted, config.recipe, config.tokens, config.loop, budget)
    if leads:
        _write_card(config, folder, *data)


def _check_acted(folders: Sequence[Path]) -> None:
    """Raise `BadFileError` for episodes in which no action brings about what is seen."""
    from armchair.sim.manifest import staged_in

    for path, behaviour in (found for folder in folders for found in staged_in(folder).items()):
        raise BadFileError(
            path,
            f"says that these episodes were made with `{behaviour}`: no action brings about what "
            "they show",
            "Leave the folder to `pretrain`, and train on another (`collect --mix tasks`)",
        )


def _write_card(
    config: Config, folder: Path, episodes: Sequence[str], held_out: Sequence[str]
) -> None:
    """Write the model's card; what it says of the data was read before training."""
    from armchair.evaluation.card import CardFacts, write_card
    from armchair.worldmodel.training.run import SCORES

    facts = CardFacts(
        command=shlex.join(["armchair", *sys.argv[1:]]),
        episodes=episodes,
        held_out=held_out,
        encoder=str(config.encoder),
        recipe=config.recipe,
        scores=json.loads((config.out / SCORES).read_text()),
    )
    write_card(folder, facts)

"""Train the frame decoder, pixels from tokens, that `imagine` shows with.

Learns to decode one encoder's tokens from the frames of videos (V-JEPA 2, appendix B.3). Copy
decoder.safetensors and decoder.json out of OUT/decoder beside a model's files, or give the folder
to `armchair imagine --decoder`. Run the same command again to go on after a kill.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from armchair.cli._places import check_some
from armchair.worldmodel.data.frame_store import StoreConfig
from armchair.worldmodel.decoding.learner import DecoderConfig
from armchair.worldmodel.optimisation.budget import Budget
from armchair.worldmodel.optimisation.loop import LoopConfig


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of `armchair decoder`."""

    videos: tuple[Path, ...]
    """Folders of MP4 files, DROID-format folders included."""
    out: Path
    """Folder for the results: decoder/, checkpoint.pt, log.txt, tensorboard/."""
    model: str = "default"
    """World model or encoder whose tokens are decoded: a name (default is the shipped one), a
    folder, a .pt file of Meta's or a Hugging Face hub id."""
    store: Path | None = None
    """Folder of decoded frames, extended by videos that it lacks (default: OUT/frames)."""
    steps: int | None = None
    """Optimiser steps; give this or --minutes. The paper takes 150,000."""
    minutes: float | None = None
    """Minutes of wall clock; the learning rate follows the elapsed share."""
    seed: int = 0
    """Seed of weights and frames."""
    frames: StoreConfig = field(default_factory=StoreConfig)
    recipe: DecoderConfig = field(default_factory=DecoderConfig)
    loop: LoopConfig = field(default_factory=LoopConfig)

    def __post_init__(self) -> None:
        check_some("--videos", self.videos)


def run(config: Config) -> None:
    """Train as configured."""
    from armchair.worldmodel.decoding.run import DecoderRun, train_decoder

    train_decoder(
        DecoderRun(
            videos=config.videos,
            model=config.model,
            out=config.out,
            store=config.store or config.out / "frames",
            seed=config.seed,
        ),
        config.recipe,
        config.frames,
        config.loop,
        Budget(steps=config.steps, minutes=config.minutes),
    )

"""A whole run of `armchair decoder`: videos to frame store, training, decoder on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from armchair.errors import check_seed
from armchair.worldmodel.data.frame_store import StoreConfig, find_videos
from armchair.worldmodel.decoding.files import save_decoder
from armchair.worldmodel.decoding.learner import DecoderConfig, DecoderLearner
from armchair.worldmodel.devices import best_device
from armchair.worldmodel.optimisation.budget import Budget
from armchair.worldmodel.optimisation.loop import LoopConfig, run_loop
from armchair.worldmodel.optimisation.reporter import Reporter
from armchair.worldmodel.optimisation.team import check_alone
from armchair.worldmodel.pretraining.run import prepare_store
from armchair.worldmodel.sources import load_frame_encoder

DECODER = "decoder"


@dataclass(frozen=True, kw_only=True)
class DecoderRun:
    """Where a run takes its videos and its encoder from and where it leaves what."""

    videos: Sequence[Path]
    """Folders of MP4 files, DROID-format folders included."""
    model: str
    """World model or encoder whose tokens shall be decoded: name, folder, file or hub id."""
    out: Path
    """Folder for checkpoint, log and `decoder/`."""
    store: Path
    """Folder of the frame store; made, or extended by videos that it lacks."""
    seed: int = 0

    def __post_init__(self) -> None:
        check_seed(self.seed)


def train_decoder(
    run: DecoderRun, config: DecoderConfig, store: StoreConfig, loop: LoopConfig, budget: Budget
) -> Path:
    """Do the run, or go on with it, and return the folder of the decoder."""
    check_alone("decoder")
    videos = find_videos(run.videos)
    encoder = load_frame_encoder(run.model).to(best_device())
    with Reporter(run.out, "decoder") as reporter:
        frames = prepare_store(videos, run.store, store, reporter)
        learner = DecoderLearner(config, encoder, frames, run.seed)
        reporter.say(f"decoding {len(frames)} frames of {len(frames.videos)} videos")
        steps = run_loop(
            learner,
            folder=run.out,
            budget=budget,
            schedule=config.schedule,
            config=loop,
            reporter=reporter,
        )
        reporter.metrics(steps, 1.0, learner.evaluate(steps))
        save_decoder(run.out / DECODER, learner.decoder, encoder)
        reporter.say(f"{steps} steps done; decoder in {run.out / DECODER}")
    return run.out / DECODER

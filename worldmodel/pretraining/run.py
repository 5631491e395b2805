"""A whole pre-training run: videos to frame store, training, encoder and relay on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from armchair.worldmodel.data.frame_store import (
    FrameStore,
    StoreConfig,
    find_videos,
    update_store,
)
from armchair.worldmodel.encoder import FrameEncoder
from armchair.worldmodel.encoder_files import save_encoder
from armchair.worldmodel.optimisation.budget import Budget
from armchair.worldmodel.optimisation.loop import LoopConfig, run_loop
from armchair.worldmodel.optimisation.reporter import Reporter
from armchair.worldmodel.packed_tensors import read_packed, write_packed
from armchair.worldmodel.pretraining.learner import PretrainConfig, PretrainLearner, Watch
from armchair.worldmodel.pretraining.network import MaskDenoiser
from armchair.worldmodel.sources import load_frame_encoder
from armchair.worldmodel.tensor_files import fill

ENCODER, RELAY = "encoder", "relay.safetensors"


@dataclass(frozen=True, kw_only=True)
class PretrainRun:
    """Where a run takes its videos from and where it leaves what."""

    videos: Sequence[Path]
    """Folders of MP4 files, DROID-format folders included."""
    out: Path
    """Folder for checkpoint, log, `encoder/` (the teacher) and the relay."""
    store: Path
    """Folder of the frame store; made, or extended by videos that it lacks."""
    init: Path | None = None
    """Relay, encoder's or model's folder of an earlier run: start from its weights with a fresh
    optimiser."""
    seed: int = 0


def pretrain(
    run: PretrainRun,
    config: PretrainConfig,
    store: StoreConfig,
    loop: LoopConfig,
    budget: Budget,
    watch: Watch | None = None,
) -> Path:
    """Do the run, or go on with it, and return the folder of the encoder.

    `watch` sees the encoder every `loop.evaluate_steps` and at the end; it changes nothing.
    """
    videos = find_videos(run.videos)
    with Reporter(run.out, "pretrain") as reporter:
        frames = prepare_store(videos, run.store, store, reporter)
        learner = PretrainLearner(config, frames, run.seed, watch)
        if run.init is not None:
            load_relay(learner.network, run.init)
        reporter.say(f"pre-training on {len(frames)} frames of {len(frames.videos)} videos")
        steps = run_loop(
            learner,
            folder=run.out,
            budget=budget,
            schedule=config.schedule,
            config=loop,
            reporter=reporter,
        )
        reporter.metrics(steps, 1.0, learner.evaluate(steps))
        write_results(run.out, learner.network)
        reporter.say(f"{steps} steps done; encoder in {run.out / ENCODER}")
    return run.out / ENCODER


def write_results(folder: Path, network: MaskDenoiser) -> None:
    """Write `encoder/` (the teacher) and the relay (all three networks) in bfloat16."""
    encoder = FrameEncoder(network.config)
    encoder.backbone.load_state_dict(network.teacher.state_dict())
    save_encoder(folder / ENCODER, encoder)
    write_packed(folder / RELAY, network.state_dict())


def load_relay(network: MaskDenoiser, path: Path) -> None:
    """Take up the weights of a relay, or of an encoder's or a world model's folder.

    A folder has the teacher alone: the student starts from it too, and the mask predictor anew.
    Clips may be longer and pictures larger than they were: rotary positions have no weights. Raises
    `BadFileError` when the weights do not fit.
    """
    fix = f"Give the {RELAY}, encoder/ or model/ of a run with the same sizes."
    if path.is_dir():
        tensors = load_frame_encoder(path).backbone.state_dict()
        for encoder in (network.student, network.teacher):
            fill(encoder, tensors, path, fix)
        return
    fill(network, read_packed(path, fix), path, fix)


def prepare_store(
    videos: Sequence[Path], store: Path, config: StoreConfig, reporter: Reporter
) -> FrameStore:
    """Return the frames of some videos; what the store lacks is decoded."""
    done = 0

    def note(path: Path) -> None:
        nonlocal done
        done += 1
        if done % 100 == 0:
            reporter.say(f"decoded {done} videos, the last was {path}")

    return update_store(store, videos, config, note, reporter.say)

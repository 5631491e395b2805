"""A whole pre-training run: videos to frame store, training, encoder and relay on disk."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from armchair.errors import BadFileError, BadValueError, check_seed
from armchair.worldmodel.data.frame_store import (
    FrameStore,
    StoreConfig,
    find_videos,
    update_store,
)
from armchair.worldmodel.encoder_files import save_encoder
from armchair.worldmodel.optimisation.budget import Budget
from armchair.worldmodel.optimisation.draws import History, from_plain, in_words, plain
from armchair.worldmodel.optimisation.loop import LoopConfig, has_begun, run_loop
from armchair.worldmodel.optimisation.reporter import Reporter
from armchair.worldmodel.optimisation.team import Team
from armchair.worldmodel.packed_tensors import read_note, read_packed, write_packed
from armchair.worldmodel.pretraining.learner import (
    PretrainConfig,
    PretrainLearner,
    Watch,
    network_of,
)
from armchair.worldmodel.pretraining.network import MaskDenoiser
from armchair.worldmodel.pretraining.uniform import PICTURE_ROWS
from armchair.worldmodel.relay_files import RELAY, SIZE
from armchair.worldmodel.sources import load_frame_encoder
from armchair.worldmodel.tensor_files import fill

ENCODER = "encoder"
HISTORY = "history"
"""Name of a relay's note of how it was trained."""
INIT = f"Give the {RELAY}, encoder/ or model/ of a run with the same sizes."
"""What to do where `init` is not what it should be."""
BESIDE = ("change.", "uniform.")
"""How the names of the tensors begin that serve the objectives beside eq. (1)."""


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
    optimiser. Not read again when the run goes on from its own checkpoint."""
    uniform: Sequence[Path] = ()
    """Folders of videos of uniform motion, for `recipe.uniform` alone."""
    seed: int = 0

    def __post_init__(self) -> None:
        check_seed(self.seed)


def pretrain(
    run: PretrainRun,
    config: PretrainConfig,
    store: StoreConfig,
    loop: LoopConfig,
    budget: Budget,
    make_watch: Callable[[], Watch | None] = lambda: None,
) -> Path:
    """Do the run, or go on with it, and return the folder of the encoder.

    Raises `BadValueError` for triples without videos of uniform motion, or the other way round,
    where the store would keep other rows of them than one a picture, and for a video that is given
    as both.
    What `make_watch` returns, asked by the leader alone, sees the encoder every
    `loop.evaluate_steps` and at the end; it changes nothing.
    """
    if bool(run.uniform) != bool(config.uniform.triples):
        raise BadValueError(
            f"uniform: {config.uniform.triples} triples a step, from {len(run.uniform)} folders of "
            "videos of uniform motion. Give both --uniform and --recipe.uniform.triples; `armchair "
            "collect --mix uniform` makes such videos."
        )
    if run.uniform and store.row_stride != PICTURE_ROWS:
        raise BadValueError(
            f"frames.row_stride is {store.row_stride}, and videos of uniform motion show a picture "
            f"for {PICTURE_ROWS} rows: give --frames.row-stride {PICTURE_ROWS}."
        )
    init = None if has_begun(run.out) else run.init
    if init is not None and not init.exists():
        raise BadFileError(init, "there is no such file or folder", INIT)
    if init is not None:
        with torch.device("meta"):
            shapes = network_of(config)
        load_relay(shapes, init)  # refuses before hours of decoding
    videos, team = find_videos(run.videos), Team()
    gliding = find_videos(run.uniform) if run.uniform else []
    check_apart(videos, gliding)
    watch = make_watch() if team.leads else None
    with Reporter(run.out, "pretrain", silent=not team.leads) as reporter:
        with team.leader_first():
            frames = prepare_store(videos, run.store, store, reporter)
            uniform = prepare_store(gliding, run.store, store, reporter) if gliding else None
        learner = PretrainLearner(config, frames, run.seed, watch, team, uniform)
        if init is not None:
            learner.draws.history = load_relay(learner.network, init, reporter.say)
            reporter.say(f"starting from {init}: {in_words(learner.draws.history)}")
        reporter.say(f"pre-training on {len(frames)} frames of {len(frames.videos)} videos")
        steps = run_loop(
            learner,
            folder=run.out,
            budget=budget,
            schedule=config.schedule,
            config=loop,
            reporter=reporter,
            team=team,
            on_save=lambda step: write_relay(run.out / RELAY, learner, step, quick=True),
        )
        if team.leads:
            reporter.metrics(steps, 1.0, learner.evaluate(steps))
            save_encoder(run.out / ENCODER, learner.encoder())
            write_relay(run.out / RELAY, learner, steps)
        team.close()
        reporter.say(f"{steps} steps done; encoder in {run.out / ENCODER}")
    return run.out / ENCODER


def check_apart(videos: Sequence[Path], gliding: Sequence[Path]) -> None:
    """Raise `BadValueError` if a video of uniform motion is among those for the rest."""
    both = {path.resolve() for path in videos} & {path.resolve() for path in gliding}
    if both:
        raise BadValueError(
            f"{min(both)} and {len(both) - 1} more videos are in folders of --videos and of "
            "--uniform. Give each video as one or the other."
        )


def write_relay(path: Path, learner: PretrainLearner, step: int, *, quick: bool = False) -> None:
    """Write all networks in bfloat16, for how long they were trained and the encoder's size."""
    size = json.dumps(asdict(learner.config.encoder))
    note = {HISTORY: json.dumps(plain(learner.draws.history_at(step))), SIZE: size}
    write_packed(path, learner.network.state_dict(), note, quick=quick)


def load_relay(
    network: MaskDenoiser, path: Path, say: Callable[[str], None] = lambda line: None
) -> History:
    """Take up the weights of a relay, or of an encoder's or a world model's folder.

    A folder has the teacher alone: the student starts from it too, and the mask predictor anew. So
    do those parts of what serves the objectives beside eq. (1) that the relay lacks or has in
    another size, which `say` is told.
    Clips may be longer and pictures larger than they were: rotary positions have no weights.
    Returns what the relay says was done before; a folder and older relays say nothing. Raises
    `BadFileError` when the weights do not fit.
    """
    fix = INIT
    if path.is_dir():
        tensors = load_frame_encoder(path).backbone.state_dict()
        for encoder in (network.student, network.teacher):
            fill(encoder, tensors, path, fix)
        return ()
    own, found = network.state_dict(), read_packed(path, fix)
    beside = sorted(name for name in own.keys() | found.keys() if name.startswith(BESIDE))
    anew = []
    for name in beside:
        if name not in own:
            del found[name]
        elif name not in found or found[name].shape != own[name].shape:
            found[name] = own[name]
            anew.append(name)
    if anew:
        say(f"begun anew, as {path} has them not or in another size: {', '.join(anew)}")
    fill(network, found, path, fix)
    try:
        return from_plain(json.loads(read_note(path, HISTORY) or "[]"))
    except (ValueError, TypeError) as error:
        raise BadFileError(path, f"its history cannot be read ({error})", fix) from error


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

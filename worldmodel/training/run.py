"""A whole AC training run: episodes to token cache, units, training, world model on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from armchair.errors import check_seed
from armchair.worldmodel.data.episodes import DroidEpisodes, EpisodeHandle
from armchair.worldmodel.encoder import FrameEncoder
from armchair.worldmodel.encoder_files import round_weights
from armchair.worldmodel.model_files import CARD
from armchair.worldmodel.optimisation import atomic
from armchair.worldmodel.optimisation.budget import Budget
from armchair.worldmodel.optimisation.draws import in_words, read_history, write_history
from armchair.worldmodel.optimisation.loop import LoopConfig, has_begun, run_loop
from armchair.worldmodel.optimisation.reporter import Reporter
from armchair.worldmodel.optimisation.team import Team
from armchair.worldmodel.sources import load_frame_encoder
from armchair.worldmodel.training.build import build_model, predictor_size, read_earlier
from armchair.worldmodel.training.cache_layout import CacheConfig
from armchair.worldmodel.training.clips import ClipSampler
from armchair.worldmodel.training.learner import (
    TrainConfig,
    TrainLearner,
)
from armchair.worldmodel.training.split import check_apart, split_episodes
from armchair.worldmodel.training.token_cache import TokenCache, update_cache
from armchair.worldmodel.training.validation import check_inference

MODEL, SCORES = "model", "scores.json"


@dataclass(frozen=True, kw_only=True)
class TrainRun:
    """Where a run takes its data from and where it leaves what."""

    episodes: Sequence[Path]
    """Folders of DROID-format episodes."""
    encoder: Path
    """Folder that `armchair pretrain` wrote; or, of released weights, name, file or hub id."""
    out: Path
    """Folder for checkpoint, log and `model/`."""
    cache: Path
    """Folder of token caches: `train/` and `held-out/`."""
    held_out: Sequence[Path] = ()
    """Folders of held-out episodes; none: one in twenty of `episodes`."""
    init: Path | None = None
    """Model folder of an earlier run: start from its predictor. Its units come along, if its
    encoder has the same weights; of one that was trained on from it they are measured anew. Not
    read again when the run goes on from its own checkpoint."""
    seed: int = 0

    def __post_init__(self) -> None:
        check_seed(self.seed)


def train(
    run: TrainRun, config: TrainConfig, cache: CacheConfig, loop: LoopConfig, budget: Budget
) -> Path:
    """Do the run, or go on with it, and return the folder of the model.

    The model is written at every checkpoint, so that a killed run leaves one to start from; in
    bfloat16, to which the encoder is rounded before anything is encoded.
    Validation at the end goes to `scores.json` beside it.
    """
    both = find_both(run)
    team = Team()
    encoder = load_frame_encoder(str(run.encoder)).to(team.device)
    predictor_size(encoder, config)  # these refuse before anything is encoded
    held_out_frames = [handle.states()[:: cache.row_stride] for handle in both[1]]
    check_inference(held_out_frames, config.validation_search, config.clips.gaps(cache.row_stride))
    team.check_share(config.clips.batch)
    rounded = round_weights(encoder)
    init = None if has_begun(run.out) else run.init
    earlier = None if init is None else read_earlier(init, encoder, config)
    history = () if init is None else read_history(init)
    with Reporter(run.out, "train", silent=not team.leads) as reporter:
        if rounded:
            reporter.say("the encoder's weights are rounded to bfloat16, as the model keeps them")
        with team.leader_first():
            data, held_out = prepare_caches(run, both, encoder, cache, reporter)
        torch.manual_seed(run.seed)
        raw = config.statistics == "none"
        sampler = ClipSampler(data, config.clips, sandbox_roll=not raw)
        model = build_model(encoder, config, sampler, run.seed, earlier)
        model.to(team.device)
        reporter.say(f"training on {len(data)} frames of {len(data.episodes)} episodes")
        learner = TrainLearner(
            config,
            model,
            sampler,
            ClipSampler(held_out, config.clips, sandbox_roll=not raw),
            run.seed,
            team,
        )
        if init is not None:
            learner.draws.history = history
            reporter.say(f"starting from {init}: {in_words(learner.draws.history)}")
        if why := learner.check_held_out():
            reporter.say(f"validation goes without rollouts by horizon: {why}")
        steps = run_loop(
            learner,
            folder=run.out,
            budget=budget,
            schedule=config.schedule,
            config=loop,
            reporter=reporter,
            team=team,
            on_save=lambda step: write_model(run.out / MODEL, learner, step),
        )
        if team.leads:
            scores = learner.evaluate(steps)
            reporter.metrics(steps, 1.0, scores)
            atomic.write_json(run.out / SCORES, scores)
        team.close()
        reporter.say(f"{steps} steps done; model in {run.out / MODEL}")
    return run.out / MODEL


def write_model(folder: Path, learner: TrainLearner, step: int) -> None:
    """Write the model with averaged weights as they are now; a card of earlier ones goes."""
    (folder / CARD).unlink(missing_ok=True)
    learner.average.save_pretrained(folder, dtype=torch.bfloat16)
    write_history(folder, learner.draws.history_at(step))


def find_both(run: TrainRun) -> tuple[list[EpisodeHandle], list[EpisodeHandle]]:
    """Return the episodes to learn from and the held-out ones.

    Raises `BadFileError` where there is none, `BadValueError` if one is both, or all alone.
    """
    episodes, held_out = (
        [handle for folder in folders for handle in DroidEpisodes(folder)]
        for folders in (run.episodes, run.held_out)
    )
    if not held_out:
        return split_episodes(episodes)
    check_apart(episodes, held_out)
    return episodes, held_out


def prepare_caches(
    run: TrainRun,
    both: tuple[Sequence[EpisodeHandle], Sequence[EpisodeHandle]],
    encoder: FrameEncoder,
    config: CacheConfig,
    reporter: Reporter,
) -> tuple[TokenCache, TokenCache]:
    """Return the tokens of training and of held-out episodes; what the caches lack is encoded."""

    def cached(name: str, handles: Sequence[EpisodeHandle]) -> TokenCache:
        def note(done: int, total: int) -> None:
            if done % 50 == 0 or done == total:
                reporter.say(f"encoded {done} of {total} {name} episodes")

        return update_cache(run.cache / name, handles, encoder, config, note, reporter.say)

    return cached("train", both[0]), cached("held-out", both[1])

"""Tell what a model knows of held-out episodes: actions inferred, and rollouts by horizon.

Plans one step between two logged frames and compares it with the logged action; then rolls out the
logged actions from one frame and compares with a world in which nothing moves. Pairs are chosen so
that moves go in all directions and lengths alike and half of them change the gripper; see
--search.pairs.*.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from armchair.cli._places import check_file, check_some
from armchair.episode import ROWS_PER_SECOND
from armchair.errors import BadValueError
from armchair.worldmodel.data.episodes import EpisodeHandle
from armchair.worldmodel.training.action_inference import InferenceConfig, InferenceScore
from armchair.worldmodel.training.cache_layout import CacheConfig
from armchair.worldmodel.training.horizon import HorizonConfig, HorizonScore

if TYPE_CHECKING:
    from armchair.worldmodel.model import WorldModel
    from armchair.worldmodel.training.token_cache import TokenCache

FINEST = CacheConfig(numbers="float16")
"""How frames are encoded for scoring, where a model's steps are whole numbers of such strides."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of `armchair infer`."""

    episodes: tuple[Path, ...]
    """Folders of DROID-format episodes that the model was not trained on."""
    apart: bool = False
    """Score every folder by itself, levels say; otherwise they are taken together."""
    model: str = "default"
    """World model: a name (default is the shipped one), a folder, a .pt file of Meta's or a Hugging
    Face hub id."""
    max_episodes: int = 100
    """The most episodes to draw pairs from, evenly spread over those of the folders."""
    out: Path | None = None
    """JSON file for the scores, beside the tables."""
    seed: int = 0
    """Seed of pairs and search."""
    search: InferenceConfig = field(default_factory=InferenceConfig)
    horizon: HorizonConfig = field(default_factory=HorizonConfig)

    def __post_init__(self) -> None:
        if self.max_episodes < 1:
            raise BadValueError(f"--max-episodes is {self.max_episodes}, expected 1 or more.")
        check_some("--episodes", self.episodes)
        check_file("--out", self.out)


def run(config: Config) -> None:
    """Infer actions and print the scores."""
    from armchair.evaluation.provenance import code_version, processor
    from armchair.worldmodel.devices import best_device
    from armchair.worldmodel.model import WorldModel
    from armchair.worldmodel.optimisation import atomic

    model = WorldModel.from_pretrained(config.model).to(best_device())
    _ = model.predictor.config  # an encoder alone is refused before anything is encoded
    groups = [(folder,) for folder in config.episodes] if config.apart else [config.episodes]
    rows = config.horizon.rows_of(model)
    tokens = replace(FINEST, row_stride=_stride(rows))
    picked = [_picked(folders, config, tokens) for folders in groups]
    scores = [_score(model, *both, config, tokens) for both in zip(groups, picked, strict=True)]
    facts = {
        "model": config.model,
        "seconds_per_step": model.seconds_per_step,
        "seed": config.seed,
        "processor": processor(),
        "code": code_version(),
        "search": asdict(config.search),
        "horizon": asdict(replace(config.horizon, step_rows=rows)),
    }
    for name, value in facts.items():
        Console().print(f"{name}: {value}", highlight=False)
    if config.out is not None:
        config.out.parent.mkdir(parents=True, exist_ok=True)
        atomic.write_json(config.out, {**facts, "scores": scores})


def _stride(rows: int) -> int:
    """Return how many rows tokens are apart so that a step of `rows` ends on some."""
    return max(stride for stride in range(1, FINEST.row_stride + 1) if rows % stride == 0)


def _picked(folders: Sequence[Path], config: Config, tokens: CacheConfig) -> list[EpisodeHandle]:
    """Return the episodes to score; raises `BadValueError` where they have too few pairs."""
    from armchair.worldmodel.data.episodes import DroidEpisodes
    from armchair.worldmodel.training.action_inference import check_pairs, pair_clips

    handles: list[EpisodeHandle] = [h for folder in folders for h in DroidEpisodes(folder)]
    count = min(len(handles), config.max_episodes)
    picked = [handles[i * len(handles) // count] for i in range(count)]
    frames = [handle.states()[:: tokens.row_stride] for handle in picked]
    check_pairs(frames, config.search.pairs, pair_clips(config.search).gaps(tokens.row_stride))
    return picked


def _score(
    model: WorldModel,
    folders: Sequence[Path],
    picked: list[EpisodeHandle],
    config: Config,
    tokens: CacheConfig,
) -> dict[str, Any]:
    """Score the episodes of some folders together; print, and return what goes to the JSON file."""
    from armchair.worldmodel.training.action_inference import score_pairs
    from armchair.worldmodel.training.token_cache import update_cache

    names = ", ".join(map(str, folders))
    with tempfile.TemporaryDirectory() as folder:
        cache = update_cache(Path(folder), picked, model.encoder, tokens)
        pairs = score_pairs(model, cache, config.search, config.seed)
        _print_pairs(pairs, f"{names} ({len(picked)} episodes)")
        rollouts = _roll_out(model, cache, config)
    return {
        "folders": [str(folder) for folder in folders],
        "episodes": len(picked),
        "inference": asdict(pairs),
        "rollouts": rollouts and asdict(rollouts),
    }


def _roll_out(model: WorldModel, cache: TokenCache, config: Config) -> HorizonScore | None:
    """Return rollout errors; None, after saying why, where no clip is long enough and moves."""
    import torch

    from armchair.worldmodel.training.horizon import rollout_errors

    generator = torch.Generator().manual_seed(config.seed)
    try:
        found = rollout_errors(model, cache, config.horizon, generator)
    except BadValueError as error:
        Console().print(f"no rollouts: {error}", highlight=False, soft_wrap=True)
        return None
    _print_rollouts(found, config.horizon.rows_of(model) / ROWS_PER_SECOND)
    return found


def _print_pairs(found: InferenceScore, title: str) -> None:
    table = Table(title=f"inferred against logged actions: {title}")
    for column in ("axis", "correlation", "slope", "mean abs. error"):
        table.add_column(column, justify="right")
    for axis, result in found.axes.items():
        error = result.mean_abs_error
        shown = f"{error:.2f}" if axis == "gripper" else f"{100 * error:.1f} cm"
        table.add_row(axis, f"{result.correlation:.3f}", f"{result.slope:.2f}", shown)
    console = Console()
    console.print(table)
    console.print(
        f"translation: {100 * found.translation_error:.2f} cm off in the mean (Euclidean)\n"
        f"{found.pairs} pairs, {found.gripper_pairs} with a change of the gripper; moves differ "
        f"from evenly spread ones by {100 * found.mismatch:.0f} %, mean direction "
        f"{found.lopsided:.2f} long (0: all directions alike)",
        highlight=False,
        soft_wrap=True,
    )


def _print_rollouts(found: HorizonScore, seconds: float) -> None:
    steps = f"rollouts in steps of {seconds:.2f} s"
    table = Table(title=f"error of {steps}, as a share of copying the first frame")
    spaces = {"LayerNormed": found.plain, "own units": found.units}
    table.add_column("horizon", justify="right")
    for name in spaces:
        table.add_column(f"{name},\nall tokens", justify="right")
        table.add_column(f"{name},\nchange most", justify="right")
    columns = [c for space in spaces.values() for c in (space.ratios, space.ratios_moving)]
    for step, ratios in enumerate(zip(*columns, strict=True), 1):
        table.add_row(str(step), *(f"{100 * ratio:.0f} %" for ratio in ratios))
    Console().print(table)

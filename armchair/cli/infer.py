"""What a model knows of held-out episodes: actions inferred, and rollouts by horizon."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from armchair.errors import BadValueError
from armchair.worldmodel.data.episodes import EpisodeHandle
from armchair.worldmodel.training.action_inference import AxisScore, InferenceConfig
from armchair.worldmodel.training.horizon import HorizonConfig, HorizonScore

if TYPE_CHECKING:
    from armchair.worldmodel.model import WorldModel


@dataclass(frozen=True, kw_only=True)
class Config:
    """Plan one step between two logged frames and compare with the logged action; then roll out the
    logged actions from one frame and compare with a world in which nothing moves."""

    episodes: tuple[Path, ...]
    """Folders of DROID-format episodes that the model was not trained on."""
    model: str = "default"
    """Name or folder of a world model."""
    max_episodes: int = 100
    """Episodes to draw pairs from, evenly spread over the folders."""
    out: Path | None = None
    """JSON file for the scores, beside the table."""
    seed: int = 0
    """Seed of pairs and search."""
    search: InferenceConfig = field(default_factory=InferenceConfig)
    horizon: HorizonConfig = field(default_factory=HorizonConfig)


def run(config: Config) -> None:
    """Infer actions and print the scores."""
    from armchair.evaluation.provenance import code_version, processor
    from armchair.worldmodel.data.episodes import DroidEpisodes
    from armchair.worldmodel.model import WorldModel
    from armchair.worldmodel.optimisation import atomic
    from armchair.worldmodel.training.action_inference import score_episodes

    model = WorldModel.from_pretrained(config.model)
    handles = [handle for folder in config.episodes for handle in DroidEpisodes(folder)]
    every = -(-len(handles) // config.max_episodes)
    with tempfile.TemporaryDirectory() as cache:
        known = handles[::every], config.search, config.seed, Path(cache)
        scores = score_episodes(model, *known)
        rollouts = _roll_out(model, handles[::every], config, Path(cache))
    facts = {
        "model": config.model,
        "episodes": len(handles[::every]),
        "seed": config.seed,
        "processor": processor(),
        "code": code_version(),
        "search": asdict(config.search),
        "horizon": asdict(config.horizon),
    }
    _print(scores, facts)
    if rollouts is not None:
        _print_rollouts(rollouts)
    if config.out is not None:
        axes = {axis: asdict(result) for axis, result in scores.items()}
        config.out.parent.mkdir(parents=True, exist_ok=True)
        atomic.write_json(
            config.out, {**facts, "axes": axes, "rollouts": rollouts and asdict(rollouts)}
        )


def _roll_out(
    model: WorldModel, episodes: Sequence[EpisodeHandle], config: Config, cache: Path
) -> HorizonScore | None:
    """Return rollout errors; None, after saying why, where no clip is long enough and moves."""
    from armchair.worldmodel.training.horizon import score_rollouts

    try:
        return score_rollouts(model, episodes, config.horizon, config.seed, cache)
    except BadValueError as error:
        Console().print(f"no rollouts: {error}", highlight=False, soft_wrap=True)
        return None


def _print_rollouts(found: HorizonScore) -> None:
    table = Table(title="error of rollouts, as a share of copying the first frame")
    for column in ("horizon", "all tokens", "those that change most"):
        table.add_column(column, justify="right")
    for step, ratios in enumerate(zip(found.ratios, found.ratios_moving, strict=True), 1):
        table.add_row(str(step), *(f"{100 * ratio:.0f} %" for ratio in ratios))
    Console().print(table)


def _print(scores: dict[str, AxisScore], facts: dict[str, object]) -> None:
    table = Table(title="inferred against logged actions")
    for column in ("axis", "correlation", "slope", "mean abs. error"):
        table.add_column(column, justify="right")
    for axis, result in scores.items():
        error = result.mean_abs_error
        shown = f"{error:.2f}" if axis == "gripper" else f"{100 * error:.1f} cm"
        table.add_row(axis, f"{result.correlation:.3f}", f"{result.slope:.2f}", shown)
    console = Console()
    console.print(table)
    for name, value in facts.items():
        console.print(f"{name}: {value}", highlight=False)

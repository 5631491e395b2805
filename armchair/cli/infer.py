"""Action inference on held-out episodes: inferred against logged actions, per axis."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from armchair.worldmodel.training.action_inference import AxisScore, InferenceConfig


@dataclass(frozen=True, kw_only=True)
class Config:
    """Plan one step between two logged frames, compare with the logged action."""

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
        scores = score_episodes(model, handles[::every], config.search, config.seed, Path(cache))
    facts = {
        "model": config.model,
        "episodes": len(handles[::every]),
        "seed": config.seed,
        "processor": processor(),
        "code": code_version(),
        "search": asdict(config.search),
    }
    _print(scores, facts)
    if config.out is not None:
        axes = {axis: asdict(result) for axis, result in scores.items()}
        config.out.parent.mkdir(parents=True, exist_ok=True)
        atomic.write_json(config.out, {**facts, "axes": axes})


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

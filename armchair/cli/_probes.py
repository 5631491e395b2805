"""The probe report that `armchair inspect --model` prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from armchair.worldmodel.data.episodes import EpisodeHandle


def report_probes(
    name: str, episodes: Sequence[EpisodeHandle], seed: int, out: Path | None
) -> None:
    """Probe a model's tokens on good episodes, print the table, write JSON if a file is given."""
    from armchair.evaluation.probes import probe
    from armchair.evaluation.provenance import code_version, processor
    from armchair.worldmodel.optimisation import atomic
    from armchair.worldmodel.sources import load_frame_encoder

    scores = probe(load_frame_encoder(name), episodes, seed=seed)
    table = Table(title=f"What is in the tokens of {name}, on held-out episodes")
    for column in ("", "unit", "mean", "ridge", "attentive", "test frames"):
        table.add_column(column, justify="left" if column in ("", "unit") else "right")
    for target, score in scores.items():
        errors = (score.mean, score.ridge, score.attentive)
        figures = [f"{error:.3g}" for error in errors]
        table.add_row(target, score.unit, *figures, str(score.test_frames))
    Console().print(table)
    if out is not None:
        facts = {"model": name, "episodes": len(episodes), "seed": seed, "code": code_version(),
                 "processor": processor()}  # fmt: skip
        out.parent.mkdir(parents=True, exist_ok=True)
        probes = {target: asdict(score) for target, score in scores.items()}
        atomic.write_json(out, {**facts, "probes": probes})

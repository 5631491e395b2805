"""The probe report that `armchair inspect --model` prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from armchair.worldmodel.data.episodes import EpisodeHandle

if TYPE_CHECKING:
    from armchair.worldmodel.encoder import FrameEncoder


def report_probes(
    name: str | None,
    encoder: FrameEncoder,
    episodes: Sequence[EpisodeHandle],
    fit: Sequence[EpisodeHandle],
    seed: int,
    out: Path | None,
    *,
    with_attentive: bool = True,
) -> None:
    """Probe an encoder's tokens on good episodes, print the table, write JSON if a file is given.

    Probes are fitted on the episodes `fit`, or on three quarters of `episodes` if there are none.
    """
    from armchair.evaluation.probes import probe
    from armchair.evaluation.provenance import code_version, processor
    from armchair.worldmodel.optimisation import atomic

    scores, missing = probe(encoder, episodes, seed=seed, fit=fit, with_attentive=with_attentive)
    table = Table(title=f"What is in the tokens of {name}, on held-out episodes")
    for column in ("", "unit", "mean", "ridge", "attentive", "fitted on", "tested on"):
        table.add_column(column, justify="left" if column in ("", "unit") else "right")
    for target, score in scores.items():
        errors = (score.mean, score.ridge, score.attentive)
        figures = ["" if error is None else f"{error:.3g}" for error in errors]
        counts = (f"{score.train_frames} frames", f"{score.test_frames} frames")
        table.add_row(target, score.unit, *figures, *counts)
    Console().print(table)
    for target, reason in missing.items():
        Console().print(f"{target}: not probed, as {reason}", highlight=False)
    if out is not None:
        facts = {"model": name, "episodes": len(episodes), "fitted_on": len(fit), "seed": seed,
                 "code": code_version(), "processor": processor()}  # fmt: skip
        out.parent.mkdir(parents=True, exist_ok=True)
        probes = {target: asdict(score) for target, score in scores.items()}
        atomic.write_json(out, {**facts, "probes": probes, "not_probed": missing})

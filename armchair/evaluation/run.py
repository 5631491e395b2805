"""A whole evaluation: tasks one after the other, then `report.json` and `report.md`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from armchair.errors import BadFileError, BadValueError
from armchair.evaluation.benchmark import OnEpisode, Protocol, check_rejections, run_task
from armchair.evaluation.contestants import Entry
from armchair.evaluation.markdown import markdown
from armchair.evaluation.models import NamedModel
from armchair.evaluation.outcomes import Ledger
from armchair.evaluation.provenance import code_version, processor
from armchair.evaluation.report import Report
from armchair.evaluation.tasks import check_tasks
from armchair.planners import Planner

LEDGER = "episodes.jsonl"


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Everything that one report is about."""

    tasks: tuple[str, ...]
    named_model: NamedModel
    planner_name: str
    planner: Planner
    protocol: Protocol
    context_frames: int = 1

    def __post_init__(self) -> None:
        check_tasks(self.tasks)
        if self.context_frames < 1:
            raise BadValueError(f"context_frames is {self.context_frames}, expected 1 or more.")

    def planner_settings(self) -> dict[str, Any]:
        """Return the planner's name and every setting that shapes its actions."""
        return {
            "name": self.planner_name,
            "context_frames": self.context_frames,
            **self.planner.describe(),
        }

    def entry(self) -> Entry:
        """Return what is under test."""
        return Entry(
            model=self.named_model.model,
            planner=self.planner,
            seed=self.protocol.seed,
            context_frames=self.context_frames,
        )


def evaluate(evaluation: Evaluation, on_episode: OnEpisode, *, overwrite: bool = False) -> Report:
    """Play, write the report into the protocol's folder and return it.

    Raises `BadFileError` for a folder that holds another run, and `RejectedResetsError`, after the
    report is written, if too many scenes were rejected.
    """
    protocol = evaluation.protocol
    prepare_folder(protocol.out, overwrite)
    named = header(evaluation)
    ledger = Ledger(protocol.out / LEDGER, named)
    entry = evaluation.entry()
    tasks = {name: run_task(name, entry, protocol, ledger, on_episode) for name in evaluation.tasks}
    report = Report(**named, cpu=processor(), tasks=tasks)
    (protocol.out / "report.md").write_text(markdown(report), "utf-8")
    report.write_json(protocol.out / "report.json")
    for name, task in tasks.items():
        check_rejections(name, task)
    return report


def header(evaluation: Evaluation) -> dict[str, Any]:
    """Return the report's fields that say what was run."""
    protocol, named = evaluation.protocol, evaluation.named_model
    return {
        "role": protocol.role,
        "level": protocol.level,
        "seed": protocol.seed,
        "model": named.name,
        "model_sha256": named.sha256,
        "code": code_version(),
        "planner": evaluation.planner_settings(),
    }


def prepare_folder(out: Path, overwrite: bool, report: str = "report.json") -> None:
    """Make the folder; raises `BadFileError` if it holds a report, unless that is overwritten."""
    if out.exists() and not out.is_dir():
        raise BadFileError(out, "is a file", "Choose a folder for --out.")
    if (out / report).exists() and not overwrite:
        raise BadFileError(
            out / report, "exists already", "Choose another --out, or give --overwrite."
        )
    if overwrite:
        for name in _written(out, Path(report).stem):
            name.unlink(missing_ok=True)
    out.mkdir(parents=True, exist_ok=True)


def _written(out: Path, stem: str) -> Sequence[Path]:
    """Return the files of an earlier run in a folder."""
    pages = [out / f"{stem}.json", out / f"{stem}.md"]
    if stem != "report":
        return [*pages, out / f"{stem}.jsonl"]
    return [
        *pages,
        out / LEDGER,
        *sorted((out / "videos").glob("*.mp4")),
    ]

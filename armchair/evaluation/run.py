"""A whole evaluation: tasks one after the other, then `report.json` and `report.md`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from armchair.errors import BadFileError, BadValueError
from armchair.evaluation.benchmark import (
    OnEpisode,
    check_rejections,
    contestants_of,
    run_task,
)
from armchair.evaluation.contestants import Entry
from armchair.evaluation.crew import Crew
from armchair.evaluation.curves import draw_distances
from armchair.evaluation.ledger import Ledger
from armchair.evaluation.markdown import about_parts, markdown
from armchair.evaluation.models import NamedModel
from armchair.evaluation.outcomes import Outcome
from armchair.evaluation.paper_tables import paper_tables
from armchair.evaluation.players import PlayerMaker
from armchair.evaluation.protocol import Protocol
from armchair.evaluation.provenance import code_version, note_test_run
from armchair.evaluation.report import Report
from armchair.evaluation.tasks import check_tasks
from armchair.planners import LatentDynamics, Planner
from armchair.sim.cameras import STANDARD_PLACEMENT
from armchair.worldmodel.precision import uses_bfloat16

LEDGER = "episodes.jsonl"
CURVES = "distances.png"
CURVES_PAGE = f"""## Distance to the goal

![Distance to the goal over steps, by task]({CURVES})"""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Everything that one report is about."""

    tasks: tuple[str, ...]
    named_model: NamedModel
    planner_name: str
    planner: Planner
    protocol: Protocol
    context_frames: int = 1
    workers: int = 1

    def __post_init__(self) -> None:
        check_tasks(self.tasks)
        if self.workers < 1:
            raise BadValueError(f"workers is {self.workers}, expected 1 or more.")
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
    ledger = Ledger(protocol.out / LEDGER, named, evaluation.workers)
    if protocol.role == "test":
        note_test_run(protocol.out.resolve().parent, _in_a_line(evaluation, named))
    entry = evaluation.entry()
    try:
        if evaluation.workers > 1:
            _play_ahead(evaluation, ledger, on_episode)
            on_episode = _ignore
        tasks = {
            name: run_task(name, entry, protocol, ledger, on_episode) for name in evaluation.tasks
        }
    finally:
        ledger.close()
    report = Report(**named, tasks=tasks, parts=ledger.parts)
    name = f"Armchair, {evaluation.planner_name}, model {report.model}"
    tables = paper_tables({name: report.to_dict()})
    page = f"{markdown(report)}{about_parts(report)}\n{tables}\n\n{CURVES_PAGE}\n"
    draw_distances(protocol.out / CURVES, tasks)
    (protocol.out / "report.md").write_text(page, "utf-8")
    report.write_json(protocol.out / "report.json")
    for name, task in tasks.items():
        check_rejections(name, task)
    return report


def _in_a_line(evaluation: Evaluation, named: Mapping[str, Any]) -> str:
    protocol = evaluation.protocol
    return (
        f"{', '.join(evaluation.tasks)}: {protocol.episodes} episodes, seed {protocol.seed}, level "
        f"{protocol.level}, planner {evaluation.planner_name}, model {named['model']} "
        f"{named['model_sha256'][:12]}, code {named['code']}, into {protocol.out}"
    )


def _play_ahead(evaluation: Evaluation, ledger: Ledger, on_episode: OnEpisode) -> None:
    """Let workers play all that the ledger lacks."""
    protocol = evaluation.protocol
    maker = PlayerMaker(
        model=evaluation.named_model.name,
        planner=evaluation.planner,
        protocol=protocol,
        context_frames=evaluation.context_frames,
        workers=evaluation.workers,
    )
    jobs = [
        (task, contestant, episode)
        for task in evaluation.tasks
        for contestant in (c.name for c in contestants_of(evaluation.entry(), protocol))
        for episode in range(protocol.episodes)
        if ledger.find(task, contestant, episode) is None
    ]
    crew = Crew(maker, evaluation.workers, on_loss=ledger.lose)
    for job, outcome in crew.play(jobs):
        ledger.add(*job, outcome)
        on_episode(job[0], job[1], outcome)


def _ignore(task: str, contestant: str, outcome: Outcome) -> None:
    """Take no notice: the workers' episodes were shown when they were played."""


def header(evaluation: Evaluation) -> dict[str, Any]:
    """Return the report's fields that say what was run."""
    protocol, named = evaluation.protocol, evaluation.named_model
    return {
        "role": protocol.role,
        "level": protocol.level,
        "seed": protocol.seed,
        "camera": STANDARD_PLACEMENT,
        "model": named.name,
        "model_sha256": named.sha256,
        "code": code_version(),
        "arithmetic": _arithmetic(named.model),
        "planner": evaluation.planner_settings(),
    }


def _arithmetic(model: LatentDynamics) -> str:
    """Return the number format in which a world model of ours imagines; plug-ins choose alone."""
    device = getattr(model, "device", torch.device("cpu"))
    return "bfloat16" if uses_bfloat16(device) else "float32"


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
        out / CURVES,
        *sorted((out / "videos").glob("*.mp4")),
    ]

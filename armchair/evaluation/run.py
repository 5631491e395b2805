"""A whole evaluation: tasks one after the other, then `report.json` and `report.md`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from armchair.errors import BadValueError
from armchair.evaluation.benchmark import (
    OnEpisode,
    check_rejections,
    contestants_of,
    run_task,
)
from armchair.evaluation.contestants import Entry, check_bounds
from armchair.evaluation.crew import Crew
from armchair.evaluation.curves import draw_distances
from armchair.evaluation.folder import CURVES, RunFolder
from armchair.evaluation.ledger import Ledger
from armchair.evaluation.markdown import about_parts, markdown
from armchair.evaluation.models import NamedModel
from armchair.evaluation.outcomes import Outcome
from armchair.evaluation.paper_tables import paper_tables
from armchair.evaluation.players import PlayerMaker, check_pickles
from armchair.evaluation.protocol import Protocol
from armchair.evaluation.provenance import code_version, note_test_run, plugin_code
from armchair.evaluation.report import Report
from armchair.evaluation.tasks import check_tasks
from armchair.planners import LatentDynamics, Planner
from armchair.sim.cameras import STANDARD_PLACEMENT
from armchair.worldmodel.model import WorldModel
from armchair.worldmodel.precision import uses_bfloat16

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
        check_bounds(self.planner)
        if self.workers < 1:
            raise BadValueError(f"workers is {self.workers}, expected 1 or more.")
        if self.workers > 1:
            check_pickles(self.planner_name, self.planner)
        if self.context_frames < 1:
            raise BadValueError(f"context_frames is {self.context_frames}, expected 1 or more.")

    def planner_settings(self) -> dict[str, Any]:
        """Return the planner's name and every setting that shapes its actions."""
        return planner_settings(self.planner_name, self.planner, self.context_frames)

    def entry(self) -> Entry:
        """Return what is under test."""
        return Entry(
            model=self.named_model.model,
            planner=self.planner,
            seed=self.protocol.seed,
            context_frames=self.context_frames,
        )


def evaluate(evaluation: Evaluation, on_episode: OnEpisode, *, overwrite: bool = False) -> Report:
    """Play what the protocol's folder lacks, write the report there and return it.

    Raises `BadFileError` for a folder that holds another run, and `RejectedResetsError`, after the
    report is written, if too many scenes were rejected.
    """
    protocol, folder = evaluation.protocol, RunFolder(path=evaluation.protocol.out)
    named = header(evaluation)
    folder.prepare(named, overwrite=overwrite)
    ledger = Ledger(folder.ledger, named, evaluation.workers)
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
    report.write_json(folder.report)
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


def planner_settings(name: str, planner: Planner, context_frames: int) -> dict[str, Any]:
    """Return a planner's name and every setting that shapes its actions, a plug-in's code too.

    Raises `BadValueError` for a setting that no report could hold.
    """
    described = planner.describe()
    _check_json(name, described)
    known = {"name": name, "context_frames": context_frames}
    if code := plugin_code(planner, getattr(planner, "config", None)):
        known["plugin"] = code
    return {**known, **described, **known}


def _check_json(planner: str, value: object, setting: str = "") -> None:
    """Raise `BadValueError` for what a planner describes itself by and JSON cannot hold."""
    if isinstance(value, dict):
        for name, part in value.items():
            _check_json(planner, part, f"{setting}.{name}" if setting else str(name))
        return
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise BadValueError(
            f"planner {planner!r}: describe() says {setting} = {value!r:.80}, which a report "
            f"cannot hold ({error}): give finite numbers, words, lists, and None for no limit."
        ) from error


def header_but_model(protocol: Protocol, planner: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of `header` that are known before the model is loaded."""
    return {
        "role": protocol.role,
        "level": protocol.level,
        "seed": protocol.seed,
        "camera": STANDARD_PLACEMENT,
        "code": code_version(),
        "planner": planner,
    }


def header(evaluation: Evaluation) -> dict[str, Any]:
    """Return the report's fields that say what was run: runs that share them share a folder."""
    named = evaluation.named_model
    return {
        **header_but_model(evaluation.protocol, evaluation.planner_settings()),
        "model": named.name,
        "model_sha256": named.sha256,
        "arithmetic": _arithmetic(named.model),
    }


def _arithmetic(model: LatentDynamics) -> str:
    """Return the number format in which a world model of ours imagines; plug-ins choose alone."""
    if not isinstance(model, WorldModel):
        return "a format of its own"
    return "bfloat16" if uses_bfloat16(model.device) else "float32"

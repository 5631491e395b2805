"""The report as a page for people, `report.md`, and the row of a test run in the results page."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from armchair.errors import BadFileError
from armchair.evaluation.contestants import ALL_CONTROLS
from armchair.evaluation.outcomes import Score
from armchair.evaluation.provenance import in_short
from armchair.evaluation.report import Report, TaskReport

RESULTS_MARK = "<!-- test runs of benchmark v1; `armchair evaluate --record` appends below -->"


def markdown(report: Report) -> str:
    """Return the whole page."""
    settings = ", ".join(_settings(report.planner))
    parts = [
        f"# Evaluation: {', '.join(report.tasks)}",
        f"Benchmark v1, role {report.role}, level {report.level}, seed {report.seed}, "
        f"camera {report.camera}. "
        f"Model `{report.model}` (sha256 `{report.model_sha256[:12]}`), code `{report.code}`, "
        f"on {report.cpu}, imagined in {report.arithmetic}, at most "
        f"{report.peak_memory_mb:.0f} MB of memory.",
        f"Planner: {settings}.",
        *(_task_section(name, task) for name, task in report.tasks.items()),
    ]
    return "\n\n".join(parts) + "\n"


def about_parts(report: Report) -> str:
    """Return what a reader must know of a run that was parallel, broken or resumed, or nothing."""
    lines = []
    if report.workers > 1:
        lines.append(
            f"Played by up to {report.workers} processes side by side: the seconds per action are "
            "no timing; measure those in a serial run."
        )
    if report.reruns:
        lines.append(
            "A worker process died; these episodes were under way and were played again: "
            f"{'; '.join(report.reruns)}."
        )
    if len(report.parts) > 1:
        played = [
            f"{part.episodes} episodes by {part.workers} on {part.cpu}" for part in report.parts
        ]
        lines.append(f"Played in {len(played)} parts: {'; '.join(played)}.")
    if any(part.peak_memory_mb is None for part in report.parts):
        lines.append("A part was killed: how much memory it needed is not known.")
    return "".join(f"\n{line}\n" for line in lines)


def _settings(planner: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Return `name value` of every setting, nested ones as `bounds.translation 0.075`."""
    parts: list[str] = []
    for name, value in planner.items():
        if isinstance(value, Mapping):
            parts += _settings(value, f"{prefix}{name}.")
        else:
            parts.append(f"{prefix}{name} {value}")
    return parts


def score_cells(name: str, score: Score) -> list[str]:
    """Return one row of the score table as text."""
    low, high = score.wilson95
    return [
        name,
        f"{score.successes}/{score.episodes}",
        f"{100 * score.rate:.0f} % ({100 * low:.0f}–{100 * high:.0f})",
        f"{score.success_4cm}/{score.episodes}",
        f"{100 * score.final_distance_m.median:.1f}",
        f"{100 * score.final_distance_m.p90:.1f}",
        f"{score.plan_seconds.median:.2f}",
        f"{score.plan_seconds.p90:.2f}",
        f"{score.model_evaluations_per_action:,}",
    ]


SCORE_HEADER = [
    "",
    "success",
    "rate (95 % Wilson)",
    "within 4 cm",
    "median cm",
    "p90 cm",
    "plan s",
    "p90 s",
    "evaluations",
]


def _task_section(name: str, task: TaskReport) -> str:
    rows = [score_cells("**planner**", task.score)]
    rows += [score_cells(control, score) for control, score in task.controls.items()]
    episodes = [
        [
            str(number),
            "yes" if row.success else "no",
            f"{100 * row.distances_m[0]:.1f}",
            f"{100 * row.final_distance_m:.1f}",
            f"[{Path(row.video).name}]({row.video})" if row.video else "–",
        ]
        for number, row in enumerate(task.per_episode)
    ]
    return "\n\n".join(
        [
            f"## {name}",
            table(SCORE_HEADER, rows),
            *_clauses(task),
            f"Distances are of the end of the episode, to the goal. Rejected resets: "
            f"{task.score.rejected_resets}. Controls play the same episodes; the experts read the "
            "goal state and are the ceiling, not entrants.",
            table(["episode", "success", "start cm", "end cm", "video"], episodes),
            *_unusual(task),
            *_state_goal(task),
        ]
    )


def _unusual(task: TaskReport) -> list[str]:
    """Return what a reader must know of episodes that were stopped or lost candidates."""
    rows = list(enumerate(task.per_episode))
    stopped = [
        f"- Episode {number} was stopped: {row.stopped}" for number, row in rows if row.stopped
    ]
    dropped = {number: row.dropped for number, row in rows if row.dropped}
    if dropped:
        listed = ", ".join(f"{count} in episode {number}" for number, count in dropped.items())
        stopped.append(f"- Candidates dropped because their energy was no number: {listed}.")
    return ["\n".join(stopped)] if stopped else []


def _state_goal(task: TaskReport) -> list[str]:
    """Return the table of those who knew the goal's state, if any played."""
    rows = [score_cells(name, score) for name, score in task.state_goal.items()]
    title = (
        "With the goal's *state* in the objective, which agents may not know. Counts for nothing."
    )
    return [title, table(SCORE_HEADER, rows)] if rows else []


def _clauses(task: TaskReport) -> list[str]:
    """Return the table that says which parts of the rule were met, for tasks with an object."""
    names = list(task.score.clauses)
    scores = {"**planner**": task.score, **task.controls}
    rows = [
        [contestant, *(f"{score.clauses[name]}/{score.episodes}" for name in names)]
        for contestant, score in scores.items()
    ]
    title = "Episodes that met each clause of the success rule; success is to meet them all."
    return [title, table(["", *(name.replace("_", " ") for name in names)], rows)] if names else []


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


RESULTS_HEADER = [
    "date",
    "task",
    "level",
    "seed",
    "model",
    "planner",
    "success",
    "95 % Wilson",
    "within 4 cm",
    *ALL_CONTROLS,
    "code",
    "machine",
    "command",
]


IDENTITY = ("task", "level", "seed", "model", "planner", "code")
"""Columns that two rows of the same run share."""


def append_results(path: Path, report: Report, command: str) -> list[str]:
    """Append one row per task below the mark in a results page; the mark is added if missing.

    A row that stands there already, with as many episodes of planner and controls, is left out;
    returns the tasks whose rows were appended. Raises `BadFileError` where the folder of the page
    does not exist.
    """
    if not path.parent.is_dir():
        raise BadFileError(path, "its folder does not exist", "Run from the repository's root.")
    text = path.read_text("utf-8") if path.exists() else "# Results\n"
    if RESULTS_MARK not in text:
        text = f"{text.rstrip()}\n\n{RESULTS_MARK}\n"
    before, _, after = text.partition(RESULTS_MARK)
    if "\n|" not in after.partition("\n#")[0]:
        after = f"\n\n{table(RESULTS_HEADER, [])}\n{after}"
    lines = after.splitlines()
    last = _end_of_first_table(lines)
    found = [_columns(line) for line in lines[:last]]
    rows = {
        name: f"| {' | '.join(_results_cells(report, name, command))} |" for name in report.tasks
    }
    new = {
        name: row
        for name, row in rows.items()
        if not any(_tells(old, _columns(row)) for old in found)
    }
    after = "\n".join([*lines[:last], *new.values(), *lines[last:]])
    path.write_text(f"{before}{RESULTS_MARK}{after}\n", "utf-8")
    return list(new)


def _columns(line: str) -> dict[str, str]:
    """Return the cells of a row by the names of their columns."""
    return dict(zip(RESULTS_HEADER, (cell.strip() for cell in line.split("|")[1:]), strict=False))


def _tells(old: Mapping[str, str], new: Mapping[str, str]) -> bool:
    """Return whether a row is of the same run and of no fewer episodes than another."""
    return all(old.get(name) == new[name] for name in IDENTITY) and all(
        _played(old.get(name, "")) >= _played(new[name]) for name in ("success", *ALL_CONTROLS)
    )


def _played(cell: str) -> int:
    """Return the episodes of `successes/episodes`, 0 of a dash."""
    count = cell.partition("/")[2]
    return int(count) if count.isdecimal() else 0


def _end_of_first_table(lines: Sequence[str]) -> int:
    """Return the index behind the last row of the first table in `lines`."""
    inside = [number for number, line in enumerate(lines) if line.startswith("|")]
    end = inside[0]
    while end < len(lines) and lines[end].startswith("|"):
        end += 1
    return end


def _digest(settings: Mapping[str, Any]) -> str:
    """Return what tells a planner's settings from others of the same planner."""
    text = json.dumps(settings, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _results_cells(report: Report, name: str, command: str) -> list[str]:
    task = report.tasks[name]
    low, high = task.score.wilson95
    controls = [
        f"{task.controls[c].successes}/{task.controls[c].episodes}" if c in task.controls else "–"
        for c in ALL_CONTROLS
    ]
    return [
        datetime.now(UTC).date().isoformat(),
        name,
        report.level,
        str(report.seed),
        f"{report.model} `{report.model_sha256[:12]}`",
        f"{report.planner.get('name', '')} `{_digest(report.planner)}`",
        f"{task.score.successes}/{task.score.episodes}",
        f"{low:.2f}–{high:.2f}",
        f"{task.score.success_4cm}/{task.score.episodes}",
        *controls,
        f"`{in_short(report.code)}`",
        report.cpu,
        f"`{command}`",
    ]

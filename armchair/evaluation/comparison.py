"""Planners side by side on the same episodes: exact McNemar tests between every two of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from armchair.errors import BadFileError, BadValueError
from armchair.evaluation.markdown import table
from armchair.evaluation.statistics import mcnemar_exact

PAIRED = ("benchmark", "role", "level", "seed")
"""What two reports must share for their episodes to be the same scenes."""


@dataclass(frozen=True, kw_only=True)
class ReadReport:
    """A report read back from a file; `name` is the planner's, with the folder's if it repeats."""

    path: Path
    name: str
    content: Mapping[str, Any]

    def successes(self, task: str) -> dict[tuple[int, ...], bool]:
        """Return whether each episode of a task succeeded, by its seed; empty if not played."""
        rows = self.content["tasks"].get(task, {}).get("per_episode", [])
        return {tuple(row["seed"]): bool(row["success"]) for row in rows}


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """Two planners on their shared episodes of a task.

    only_first, only_second: episodes that one alone solved; p_value: exact, two-sided.
    """

    task: str
    first: str
    second: str
    episodes: int
    only_first: int
    only_second: int
    p_value: float


def read_reports(paths: Sequence[Path]) -> list[ReadReport]:
    """Return reports of files or of folders that hold a `report.json`.

    Raises `BadFileError` for a file that is none, `BadValueError` for runs on other episodes.
    """
    reports = [_read(path) for path in paths]
    names = [report.name for report in reports]
    for number, report in enumerate(reports):
        if names.count(report.name) > 1:
            longer = f"{report.name} ({report.path.parent.name})"
            reports[number] = ReadReport(path=report.path, name=longer, content=report.content)
    for report in reports[1:]:
        for key in PAIRED:
            first, other = reports[0].content.get(key), report.content.get(key)
            if first != other:
                raise BadValueError(
                    f"{report.path} was played with {key} {other}, {reports[0].path} with {first}: "
                    "only runs on the same episodes can be compared."
                )
    return reports


def _read(path: Path) -> ReadReport:
    file = path / "report.json" if path.is_dir() else path
    fix = "Give the folder of `armchair evaluate`, or its report.json."
    try:
        content = json.loads(file.read_text("utf-8"))
        name = str(content["planner"]["name"])
        for task in content["tasks"].values():
            for row in task["per_episode"]:
                row["seed"], row["success"]
    except OSError as error:
        raise BadFileError(file, f"cannot be read ({error.strerror})", fix) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadFileError(file, f"is no report ({error!r})", fix) from error
    return ReadReport(path=file, name=name, content=content)


def pairings(reports: Sequence[ReadReport]) -> list[Pairing]:
    """Return every two planners on every task that both played, over their shared episodes."""
    tasks = dict.fromkeys(task for report in reports for task in report.content["tasks"])
    found = []
    for task in tasks:
        for first, second in combinations(reports, 2):
            ours, theirs = first.successes(task), second.successes(task)
            shared = ours.keys() & theirs.keys()
            if not shared:
                continue
            only_first = sum(ours[seed] and not theirs[seed] for seed in shared)
            only_second = sum(theirs[seed] and not ours[seed] for seed in shared)
            found.append(
                Pairing(
                    task=task,
                    first=first.name,
                    second=second.name,
                    episodes=len(shared),
                    only_first=only_first,
                    only_second=only_second,
                    p_value=mcnemar_exact(only_first, only_second),
                )
            )
    return found


def pairings_table(found: Sequence[Pairing]) -> str:
    """Return the tests as a Markdown table."""
    head = ["task", "first", "second", "episodes", "first alone", "second alone", "exact p"]
    rows = [
        [
            pairing.task,
            pairing.first,
            pairing.second,
            str(pairing.episodes),
            str(pairing.only_first),
            str(pairing.only_second),
            f"{pairing.p_value:.3g}",
        ]
        for pairing in found
    ]
    return table(head, rows)

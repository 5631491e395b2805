"""Planners side by side on the same episodes: exact McNemar tests between every two of them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

from armchair.errors import BadFileError, BadValueError, UnknownNameError
from armchair.evaluation.folder import RunFolder
from armchair.evaluation.markdown import table
from armchair.evaluation.paper_tables import paper_tables, rates
from armchair.evaluation.provenance import in_short
from armchair.evaluation.statistics import mcnemar_exact

PAIRED = ("benchmark", "role", "level", "seed")
"""What two reports must share for their episodes to be the same scenes."""
ALIKE = {
    "model_sha256": "model",
    "code": "code",
    "camera": "camera placement",
    "arithmetic": "arithmetic",
}
"""What a comparison of planners takes to be the same, and how it is named for people."""
HAND = ("gripper_deadband", "opening_deadband", "closing_gain")
HAND_BOUNDS = ("gripper", "grip_within", "release_within")
"""Settings of a planner, and of its bounds, that are rules for the hand rather than a search."""


@dataclass(frozen=True, kw_only=True)
class ReadReport:
    """A report read back from a file; `name` is the planner's, with as much of the folder's path as
    tells it from others of the same planner."""

    path: Path
    name: str
    content: Mapping[str, Any]

    def successes(self, task: str) -> dict[tuple[int, ...], bool]:
        """Return whether each episode of a task succeeded, by its seed; empty if not played."""
        rows = self.content["tasks"].get(task, {}).get("per_episode", [])
        return {tuple(row["seed"]): bool(row["success"]) for row in rows}

    def hand(self) -> str:
        """Return the planner's rules for the hand, as far as the report tells them."""
        planner = self.content["planner"]
        bounds = planner.get("bounds") or {}
        told = [(name, bounds[name]) for name in HAND_BOUNDS if name in bounds]
        told += [(name, planner[name]) for name in HAND if name in planner]
        return ", ".join(f"{name} {value}" for name, value in told) or "not told"

    def evaluations(self, task: str) -> int:
        """Return the model evaluations per action in a task that was played."""
        return int(self.content["tasks"][task]["model_evaluations_per_action"])


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """Two planners on their shared episodes of a task.

    evaluations: model evaluations per action of the first and the second; only_first, only_second:
    episodes that one alone solved; p_value: exact, two-sided.
    """

    task: str
    first: str
    second: str
    evaluations: tuple[int, int]
    episodes: int
    only_first: int
    only_second: int
    p_value: float


def read_reports(paths: Sequence[Path]) -> list[ReadReport]:
    """Return reports of files or of folders that hold a `report.json`.

    Raises `BadFileError` for a file that is none, `BadValueError` for runs on other episodes.
    """
    reports = _with_unique_names([_read(path) for path in paths])
    for report in reports[1:]:
        for key in PAIRED:
            first, other = reports[0].content.get(key), report.content.get(key)
            if first != other:
                raise BadValueError(
                    f"{report.path} was played with {key} {other}, {reports[0].path} with {first}: "
                    "only runs on the same episodes can be compared."
                )
    return reports


def _with_unique_names(reports: Sequence[ReadReport]) -> list[ReadReport]:
    """Return the reports with the shortest ends of their paths beside names that repeat.

    Raises `BadValueError` for a report that is given twice.
    """
    unique = []
    for report in reports:
        alike = [other for other in reports if other is not report and other.name == report.name]
        place, others = _place(report), [_place(other) for other in alike]
        if place in others:
            raise BadValueError(f"{report.path} is given twice; name each report once.")
        ends = (place[-count:] for count in range(1, len(place) + 1))
        own = next(end for end in ends if all(other[-len(end) :] != end for other in others))
        name = f"{report.name} ({'/'.join(own)})" if others else report.name
        unique.append(replace(report, name=name))
    return unique


def _place(report: ReadReport) -> tuple[str, ...]:
    """Return the parts of the path to a report's folder, or to a file of another name."""
    file = report.path.resolve()
    return file.parent.parts if file.name == "report.json" else file.with_suffix("").parts


def unlike(reports: Sequence[ReadReport]) -> list[str]:
    """Return a line for each thing beside the planner's search in which the reports differ."""
    told = {
        words: [in_short(str(report.content.get(key, "not told"))) for report in reports]
        for key, words in ALIKE.items()
    }
    told["rules for the hand"] = [report.hand() for report in reports]
    lines = []
    for words, values in told.items():
        alike: dict[str, list[str]] = defaultdict(list)
        for report, value in zip(reports, values, strict=True):
            alike[value].append(report.name)
        if len(alike) > 1:
            each = (f"{', '.join(names)} `{value}`" for value, names in alike.items())
            lines.append(
                f"**Not the same {words}**: {'; '.join(each)}. What is found below may be due to "
                "that, and not to the search."
            )
    return lines


def other_episodes(reports: Sequence[ReadReport]) -> list[str]:
    """Return a line that says how many episodes each played of tasks of which they did not play
    the same; none where they did."""
    parts = []
    for task in tasks_of(reports):
        played = {r.name: r.successes(task).keys() for r in reports if task in r.content["tasks"]}
        if len({frozenset(seeds) for seeds in played.values()}) > 1:
            counts = (f"{name} {len(seeds)}" for name, seeds in played.items())
            parts.append(f"{task} ({', '.join(counts)})")
    if not parts:
        return []
    return [
        f"**Not the same episodes**: {'; '.join(parts)}. Rates are over all that each played, and "
        "do not compare; each test is over those that both played."
    ]


def tasks_of(reports: Sequence[ReadReport]) -> list[str]:
    """Return the tasks that any report played, in order."""
    return list(dict.fromkeys(task for report in reports for task in report.content["tasks"]))


def _read(path: Path) -> ReadReport:
    file = path / "report.json" if path.is_dir() else path
    fix = "Give the folder of `armchair evaluate`, or its report.json."
    try:
        content = json.loads(file.read_text("utf-8"))
        report = ReadReport(path=file, name=str(content["planner"]["name"]), content=content)
        _ = [content[key] for key in PAIRED]
        for task in content["tasks"]:
            for row in content["tasks"][task]["per_episode"]:
                tuple(row["seed"]), row["success"]
            report.evaluations(task)
        paper_tables({report.name: content})
        unlike([report])
    except OSError as error:
        if not file.exists() and RunFolder(path=file.parent).ledger.exists():
            again = "Give its `armchair evaluate` command again to finish it."
            raise BadFileError(path, "is a run that is not finished", again) from error
        raise BadFileError(file, f"cannot be read ({error.strerror})", fix) from error
    except json.JSONDecodeError as error:
        raise BadFileError(file, f"is not JSON ({error})", fix) from error
    except KeyError as error:
        raise BadFileError(file, f"is no report: it has no field {error}", fix) from error
    except (ValueError, TypeError, AttributeError) as error:
        raise BadFileError(file, f"is no report ({error})", fix) from error
    return report


def pairings(reports: Sequence[ReadReport], against: str | None = None) -> list[Pairing]:
    """Return every two planners on every task that both played, over their shared episodes.

    `against`: only those with this one. Raises `UnknownNameError` if there is none of that name.
    """
    names = [report.name for report in reports]
    if against is not None and against not in names:
        raise UnknownNameError("planner to compare against", against, names)
    found = []
    for task in tasks_of(reports):
        for first, second in combinations(reports, 2):
            if against is not None and against not in (first.name, second.name):
                continue
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
                    evaluations=(first.evaluations(task), second.evaluations(task)),
                    episodes=len(shared),
                    only_first=only_first,
                    only_second=only_second,
                    p_value=mcnemar_exact(only_first, only_second),
                )
            )
    return found


def rates_table(reports: Sequence[ReadReport]) -> str:
    """Return each planner's successes by task, with 95 % Wilson intervals, as a Markdown table."""
    tasks, rows = tasks_of(reports), []
    for report in reports:
        spent = [report.evaluations(task) for task in report.content["tasks"]]
        mean = f"{round(sum(spent) / max(len(spent), 1)):,}"
        rows.append([report.name, *rates(report.content, tasks), mean])
    return table(["planner", *tasks, "evaluations per action"], rows)


def pairings_table(found: Sequence[Pairing]) -> str:
    """Return the tests as a Markdown table."""
    head = ["task", "first", "second", "evaluations per action", "episodes"]
    head += ["first alone", "second alone", "exact p"]
    rows = [
        [
            pairing.task,
            pairing.first,
            pairing.second,
            " / ".join(f"{count:,}" for count in pairing.evaluations),
            str(pairing.episodes),
            str(pairing.only_first),
            str(pairing.only_second),
            f"{pairing.p_value:.3g}",
        ]
        for pairing in found
    ]
    return table(head, rows)

"""Tables 2 and 3 of the paper with our rows beside the published ones.

Source: V-JEPA 2 (Assran et al., 2025), tables 2 and 3. The published rows are of real robots.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from armchair.evaluation.markdown import table
from armchair.evaluation.tasks import TASK_NAMES

HEADS = (
    "reach",
    "grasp cup",
    "grasp box",
    "reach w/ cup",
    "reach w/ box",
    "pick-place cup",
    "pick-place box",
)
REAL = "real robot, from the paper"


@dataclass(frozen=True)
class Published:
    """A row of the paper: success in per cent, in the order of `TASK_NAMES`."""

    method: str
    rates: tuple[int, ...]


TABLE_2 = (
    Published("Octo, lab 1", (100, 20, 0, 20, 70, 20, 10)),
    Published("Octo, lab 2", (100, 10, 0, 10, 70, 10, 10)),
    Published("Octo, average", (100, 15, 0, 15, 70, 15, 10)),
    Published("V-JEPA 2-AC, lab 1", (100, 70, 30, 90, 80, 80, 80)),
    Published("V-JEPA 2-AC, lab 2", (100, 60, 20, 60, 70, 80, 50)),
    Published("V-JEPA 2-AC, average", (100, 65, 25, 75, 75, 80, 65)),
)


@dataclass(frozen=True)
class PublishedCost:
    """A row of table 3: reach, grasp cup, grasp box, pick-place cup, box in per cent; one lab."""

    method: str
    samples: int
    iterations: int
    horizon: int
    seconds: float
    rates: tuple[int, ...]


TABLE_3 = (
    PublishedCost("Cosmos", 80, 10, 1, 240.0, (80, 0, 20, 0, 0)),
    PublishedCost("V-JEPA 2-AC", 800, 10, 1, 16.0, (100, 60, 20, 80, 50)),
)
TABLE_3_TASKS = ("reach", "grasp-cup", "grasp-box", "pick-place-cup", "pick-place-box")


def paper_tables(reports: Mapping[str, Mapping[str, Any]]) -> str:
    """Return both tables as Markdown; `reports` are contents of `report.json` by a name."""
    two = [[row.method, REAL, *(f"{rate} %" for rate in row.rates)] for row in TABLE_2]
    three = [_published_cells(row) for row in TABLE_3]
    for name, report in reports.items():
        where = (
            f"simulation, benchmark {report['benchmark']}, role {report['role']}, "
            f"level {report['level']}"
        )
        two.append([f"**{name}**", where, *rates(report, TASK_NAMES)])
        three.append([f"**{name}**", where, *_costs(report), *rates(report, TABLE_3_TASKS)])
    costs = ["samples", "iterations", "horizon", "seconds per action", "evaluations"]
    heads = [HEADS[TASK_NAMES.index(task)] for task in TABLE_3_TASKS]
    return "\n\n".join(
        [
            "## The paper's table 2: success",
            table(["method", "where", *HEADS], two),
            "## The paper's table 3: success and cost",
            table(["method", "where", *costs, *heads], three),
            "Rows of the paper are of real Franka arms, 10 trials a cell; ours are simulated, with "
            "the 95 % Wilson interval, successes and episodes. The two are not tested against each "
            "other.",
        ]
    )


def _published_cells(row: PublishedCost) -> list[str]:
    budget = [str(row.samples), str(row.iterations), str(row.horizon)]
    cost = [f"{row.seconds:.0f} s (RTX 4090)", "–"]
    return [row.method, REAL, *budget, *cost, *(f"{rate} %" for rate in row.rates)]


def rates(report: Mapping[str, Any], tasks: Sequence[str]) -> list[str]:
    """Return a cell a task: percent, 95 % Wilson interval, successes; – if unplayed."""
    cells = []
    for task in tasks:
        played = report["tasks"].get(task)
        if played is None:
            cells.append("–")
            continue
        low, high = played["wilson95"]
        rate = f"{100 * played['rate']:.0f} % ({100 * low:.0f}–{100 * high:.0f})"
        cells.append(f"{rate}, {played['successes']}/{played['episodes']}")
    return cells


def _costs(report: Mapping[str, Any]) -> list[str]:
    planner = report["planner"]
    tasks = [task for name, task in report["tasks"].items() if name in TABLE_3_TASKS]
    tasks = [task for task in tasks if task["plan_seconds"]["median"]]  # 0: nothing was planned
    settings = [str(planner.get(name, "–")) for name in ("samples", "iterations", "horizon")]
    if not tasks:
        return [*settings, "–", "–"]
    seconds = statistics.median(task["plan_seconds"]["median"] for task in tasks)
    spent = [task["model_evaluations_per_action"] for task in tasks]
    parallel = " (side by side, no timing)" if report.get("workers", 1) > 1 else ""
    return [
        *settings,
        f"{seconds:.2f} s{parallel}",
        f"{round(sum(spent) / len(spent)):,}",
    ]

"""Distance to the goal over an episode's steps, one panel a task; V-JEPA 2 (2025), figure 8."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from armchair.evaluation.report import TaskReport
from armchair.evaluation.verdicts import SUCCESS_M

COLUMNS = 4
PANEL_INCHES = (3.6, 3.0)
REACHED, MISSED, MEDIAN = "#1f5fa8", "#e07b39", "#202020"


def draw_distances(path: Path, tasks: Mapping[str, TaskReport]) -> None:
    """Write a PNG: every episode of the planner as a thin line, their median as a thick one.

    Distances in centimetres, before the first step and after each; an episode that was stopped
    ends early, and the median is over those that go on.
    """
    columns = min(COLUMNS, len(tasks))
    rows = -(-len(tasks) // columns)
    size = (PANEL_INCHES[0] * columns, PANEL_INCHES[1] * rows)
    figure: Any = Figure(figsize=size, dpi=110, layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (name, task) in zip(panels, tasks.items(), strict=False):
        _panel(axes, name, task)
    for axes in panels[len(tasks) :]:
        axes.set_axis_off()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def _panel(axes: Any, name: str, task: TaskReport) -> None:
    curves = [100 * np.asarray(row.distances_m) for row in task.per_episode]
    for row, curve in zip(task.per_episode, curves, strict=True):
        axes.plot(curve, color=REACHED if row.success else MISSED, linewidth=0.8, alpha=0.5)
    longest = max(map(len, curves))
    median = [np.median([c[step] for c in curves if len(c) > step]) for step in range(longest)]
    axes.plot(median, color=MEDIAN, linewidth=2.0, label="median")
    axes.plot([], [], color=REACHED, linewidth=0.8, label=f"success ({task.score.successes})")
    missed = task.score.episodes - task.score.successes
    axes.plot([], [], color=MISSED, linewidth=0.8, label=f"no success ({missed})")
    axes.axhline(100 * SUCCESS_M, color="#5b5b5b", linewidth=0.7, linestyle=":")
    axes.set_title(name, fontsize=10)
    axes.set_xlabel("step", fontsize=9)
    axes.set_ylabel("distance to the goal (cm)", fontsize=9)
    axes.set_ylim(bottom=0)
    axes.tick_params(labelsize=8)
    axes.legend(fontsize=7)

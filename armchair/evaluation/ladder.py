"""The oracle ladder: the same planner over truer and truer dynamics tells what is to blame.

Rung 1, kinematics and the goal's state: fails only if the planner or the control does. Rung 2, the
simulator as dynamics and the encoder's energy: fails if the energy does. Rung 3, the learned model:
what is evaluated. Rungs 1 and 2 know what agents may not; they count for no target.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from armchair.errors import BadValueError
from armchair.evaluation.benchmark import OnEpisode, play_all
from armchair.evaluation.contestants import CONTROLS, Contestant, Entry, planner_under_test
from armchair.evaluation.folder import RunFolder
from armchair.evaluation.ledger import Ledger
from armchair.evaluation.markdown import table
from armchair.evaluation.oracle import KinematicPolicy, SimulatorDynamics, check_samples
from armchair.evaluation.outcomes import Score
from armchair.evaluation.provenance import processor
from armchair.evaluation.run import Evaluation, header
from armchair.planners import RecedingHorizonAgent

RUNGS: Mapping[str, str] = {
    "kinematics": "1 · kinematics, goal state",
    "simulator": "2 · simulator, encoder's energy",
    "planner": "3 · learned model",
    "expert-constrained": "constrained expert",
}
"""Contestants of the ladder, and how they are named for people."""
DIAGNOSIS = (
    "Diagnosis, no result: rungs 1 and 2 know the goal's state or the simulator. They count for no "
    "target and stand in no other table."
)


def climb(evaluation: Evaluation, on_episode: OnEpisode, *, overwrite: bool = False) -> str:
    """Play what the folder lacks, write `ladder.json` and `ladder.md`, and return the page.

    Raises `BadValueError` for test scenes, as to look for what is to blame is to choose, and for
    planners that the simulator cannot serve.
    """
    protocol = replace(evaluation.protocol, videos=False)  # the folder's are of `evaluate`
    folder = ladder_folder(protocol.out)
    if protocol.role == "test":
        raise BadValueError(
            "the ladder is a diagnosis, and test scenes are for none: use --role validation."
        )
    check_samples(evaluation.planner_name, evaluation.planner)
    named = {**header(evaluation), "purpose": DIAGNOSIS}
    folder.prepare(named, overwrite=overwrite)
    ledger = Ledger(folder.ledger, named)
    scores = {
        task: {
            rung: Score.of(played)
            for rung, played in play_all(
                task, rungs(evaluation.entry()), protocol, ledger, on_episode
            ).items()
        }
        for task in evaluation.tasks
    }
    entries = {task: {r: asdict(s) for r, s in rows.items()} for task, rows in scores.items()}
    text = json.dumps({**named, "cpu": processor(), "tasks": entries}, indent=2, allow_nan=False)
    folder.report.write_text(f"{text}\n", "utf-8")
    page = ladder_page(scores, str(named["planner"]["name"]), protocol.episodes)
    (protocol.out / "ladder.md").write_text(page, "utf-8")
    return page


def ladder_folder(out: Path) -> RunFolder:
    """Return the folder of a ladder: a journal and a report apart from those of `evaluate`."""
    return RunFolder(path=out, stem="ladder", journal="ladder.jsonl")


def rungs(entry: Entry) -> list[Contestant]:
    """Return the rungs from the truest dynamics to the learned ones, then the expert."""

    def kinematics(seed: int, simulator: Any) -> KinematicPolicy:
        return KinematicPolicy(entry.planner, seed, simulator)

    def simulated(seed: int, simulator: Any) -> RecedingHorizonAgent:
        return entry.agent(seed, SimulatorDynamics(entry.model, simulator))

    return [
        Contestant(name="kinematics", diagnosis=kinematics),
        Contestant(name="simulator", diagnosis=simulated),
        planner_under_test(entry),
        CONTROLS["expert-constrained"](entry),
    ]


def ladder_page(scores: Mapping[str, Mapping[str, Score]], planner: str, episodes: int) -> str:
    """Return the ladder as Markdown: one table per task."""
    parts = [f"# Oracle ladder: {planner}, {episodes} episodes", DIAGNOSIS]
    for task, rows in scores.items():
        cells = [
            [
                RUNGS[rung],
                f"{score.successes}/{score.episodes}",
                f"{100 * score.wilson95[0]:.0f}–{100 * score.wilson95[1]:.0f}",
                f"{100 * score.final_distance_m.median:.1f}",
                f"{score.plan_seconds.median:.2f}",
            ]
            for rung, score in rows.items()
        ]
        heads = ["rung", "success", "95 % Wilson", "median cm", "plan s"]
        parts += [f"## {task}", table(heads, cells), _blame(rows)]
    return "\n\n".join(parts) + "\n"


def _blame(rows: Mapping[str, Score]) -> str:
    """Return which step down the ladder costs most, in episodes; all that cost as much."""
    order = ["expert-constrained", "kinematics", "simulator", "planner"]
    names = {
        "kinematics": "planner or control (expert → 1)",
        "simulator": "energy (1 → 2)",
        "planner": "predictor (2 → 3)",
    }
    losses = {
        names[lower]: rows[upper].successes - rows[lower].successes
        for upper, lower in pairwise(order)
    }
    most = max(losses.values())
    if most <= 0:
        return "No step down the ladder costs episodes."
    listed = "; ".join(f"{name}: {loss:+d}" for name, loss in losses.items())
    worst = [name for name, loss in losses.items() if loss == most]
    where = "The largest loss is at" if len(worst) == 1 else "The largest losses are alike, at"
    return f"Episodes lost from rung to rung — {listed}. {where}: {'; '.join(worst)}."

"""Plan in closed loop on tasks: controls, a report and one video per episode.

Writes report.json, report.md and videos/ into --out, shows a progress bar and a table. Benchmark
v1: the agent sees frames, the robot's own state and goal images, nothing else. Given again, a
command goes on where it stopped; given again with more tasks, episodes or controls, a finished one
plays what is new and writes the report anew. Another planner, model, seed, role, level or commit is
another run, and needs another --out.
"""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from armchair.cli._places import check_folder
from armchair.errors import BadValueError

if TYPE_CHECKING:  # heavy: torch and the simulator load when the verb runs, not for --help
    from armchair.evaluation.outcomes import Outcome, Score
    from armchair.evaluation.report import Report, TaskReport
    from armchair.evaluation.run import Evaluation

RESULTS = Path("docs/results.md")
BELOW_THRESHOLD = 1
"""Exit code of a run that was played to its end and missed a threshold of --ci."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of `armchair evaluate`."""

    tasks: tuple[str, ...] = ("reach",)
    """Tasks to play: all, or names: reach, grasp-cup, grasp-box, reach-with-cup, reach-with-box,
    pick-place-cup, pick-place-box."""
    episodes: int = 20
    """Episodes per task; each control plays the same ones."""
    planner: str = "cem-waypoint"
    """Planner: cem-waypoint, cem, cem-fit, cem-gradient, cem-meta, cem-paper, gradient, icem, mppi,
    random-shooting, or a plug-in's name."""
    planner_options: tuple[str, ...] = ()
    """Planner settings to change, as name=value: samples=256 bounds.translation=0.05 (metres);
    docs/planning.md has all of them."""
    model: str = "default"
    """World model: a name (default is the shipped one), a folder, a .pt file of Meta's, a Hugging
    Face hub id, or a plug-in's name."""
    context_frames: int = 1
    """Moments of the episode that the planner shows the world model, the present one included; a
    model looks back on no more than the context_frames of its config.json, whatever is shown."""
    out: Path = Path("runs/evaluate")
    """Folder for the report and the videos."""
    seed: int = 0
    """Seed of the run: scenes, policies, shuffling, random weights."""
    role: Literal["validation", "test"] = "validation"
    """Which scenes: validation for every choice, test once per released model."""
    level: str = "light"
    """Randomisation of the scene: light is the benchmark's, none and full stand beside it."""
    controls: tuple[str, ...] = ("all",)
    """Controls beside the planner: all, none, or names: random, hold, shuffled-goal,
    random-predictor, expert, expert-constrained."""
    state_goal: float = 0.0
    """Play the planner once more with so much energy per metre to the goal's state added: a row
    labelled +state goal in a table of its own, which counts for nothing. 0 leaves it out."""
    videos: bool = True
    """Write one MP4 per episode of the planner."""
    record: bool = False
    """With --role test: append a row per task to docs/results.md, if it does not stand there."""
    overwrite: bool = False
    """Begin anew: delete the report, the episodes and the videos that --out already holds."""
    workers: int = 1
    """Processes that play episodes side by side; timings count from a run with 1."""
    ci: Path | None = None
    """A TOML file of thresholds (see scripts/ci_thresholds.toml): exit code 1 if one is missed."""
    ladder: bool = False
    """Diagnosis instead of a report: the same planner over kinematics with the goal's state, over
    the simulator itself, and over the model. Writes ladder.md and ladder.json. The simulator takes
    0.03 to 0.2 s per candidate and step: give --planner-options a small number of samples."""

    def __post_init__(self) -> None:
        check_folder("--out", self.out)
        if self.context_frames < 1:
            raise BadValueError(f"--context-frames is {self.context_frames}, expected 1 or more.")
        if self.episodes < 1:
            raise BadValueError(f"--episodes is {self.episodes}, expected 1 or more.")
        if self.workers < 1:
            raise BadValueError(f"--workers is {self.workers}, expected 1 or more.")
        if self.seed < 0:
            raise BadValueError(f"--seed is {self.seed}, expected 0 or more.")
        if not self.tasks:
            raise BadValueError("--tasks is empty; name at least one task, such as reach.")
        if self.record and self.role != "test":
            raise BadValueError("--record is for --role test; validation runs are not recorded.")
        if self.ladder and (ignored := self._not_for_the_ladder()):
            raise BadValueError(
                f"--ladder is a diagnosis on validation scenes: leave out {', '.join(ignored)}."
            )

    def _not_for_the_ladder(self) -> list[str]:
        """Return the options given that `--ladder` would not heed."""
        names = ("role", "ci", "record", "workers", "controls", "state_goal")
        standard = {field.name: field.default for field in fields(self)}
        given = [name for name in names if getattr(self, name) != standard[name]]
        return [f"--{name.replace('_', '-')}" for name in given]


def run(config: Config) -> None:
    """Evaluate, write the report and show it."""
    from armchair.evaluation.benchmark import contestants_of
    from armchair.evaluation.markdown import append_results
    from armchair.evaluation.run import evaluate
    from armchair.evaluation.thresholds import check_played, failures, read_thresholds

    if config.ladder:
        _climb(config)
        return
    if config.record and not RESULTS.parent.is_dir():
        raise BadValueError(f"--record appends to {RESULTS}: run from the repository's root.")
    thresholds = read_thresholds(config.ci) if config.ci is not None else {}
    evaluation = _evaluation(config)
    if config.ci is not None:
        check_played(config.ci, thresholds, evaluation.tasks, evaluation.protocol.controls)
    total = config.episodes * len(contestants_of(evaluation.entry(), evaluation.protocol))
    with _progress() as progress:
        bars = _Bars(progress, evaluation.tasks, total)
        report = evaluate(evaluation, bars, overwrite=config.overwrite)
    console = Console()
    for name, task in report.tasks.items():
        console.print(_table(name, task))
        for line in _stopped(name, task):
            console.print(line, highlight=False, soft_wrap=True)
    for line in _written(config, report):
        console.print(line, soft_wrap=True)
    if config.record:
        added = append_results(RESULTS, report, shlex.join(["armchair", *sys.argv[1:]]))
        for name in report.tasks:
            done = "row appended to" if name in added else "its row stands already in"
            console.print(f"{name}: {done} {RESULTS}")
    if thresholds:
        _pass_or_fail(failures(report, thresholds))


def _written(config: Config, report: Report) -> list[str]:
    """Return what the folder holds, and which episodes that were to be filmed were played before
    without."""
    rows = [row for task in report.tasks.values() for row in task.per_episode]
    unfilmed = sum(row.video is None for row in rows) if config.videos else 0
    videos = config.videos and unfilmed < len(rows)
    files = "report.json, report.md and videos" if videos else "report.json and report.md"
    lines = [f"{files} are in {config.out}"]
    if unfilmed:
        lines.append(
            f"{unfilmed} of {len(rows)} episodes were played before, with --no-videos, and have no "
            "video: give another --out to film them."
        )
    return lines


def _pass_or_fail(missed: Sequence[str]) -> None:
    """Say whether the thresholds are met; leave with exit code 1 if not."""
    for line in missed:
        print(f"armchair: below threshold: {line}", file=sys.stderr)
    if missed:
        raise SystemExit(BELOW_THRESHOLD)
    print("all thresholds are met")


def _climb(config: Config) -> None:
    from armchair.evaluation.ladder import RUNGS, climb

    evaluation = _evaluation(config)
    with _progress() as progress:
        bars = _Bars(progress, evaluation.tasks, config.episodes * len(RUNGS))
        page = climb(evaluation, bars, overwrite=config.overwrite)
    Console().print(page, markup=False, highlight=False, soft_wrap=True)


def _evaluation(config: Config) -> Evaluation:
    """Return what to run; every unknown name is refused here, before anything is played, and a
    folder of another run before the model is loaded."""
    from armchair.evaluation.contestants import load_entrant, select_controls
    from armchair.evaluation.folder import RunFolder
    from armchair.evaluation.ladder import ladder_folder
    from armchair.evaluation.models import load_world_model
    from armchair.evaluation.protocol import Protocol
    from armchair.evaluation.run import Evaluation, header_but_model, planner_settings
    from armchair.evaluation.tasks import select_tasks

    tasks = select_tasks(config.tasks)
    planner = load_entrant(config.planner, config.planner_options)
    protocol = Protocol(
        role=config.role,
        seed=config.seed,
        level=config.level,
        episodes=config.episodes,
        controls=select_controls(config.controls),
        out=config.out,
        videos=config.videos,
        state_goal=config.state_goal,
    )
    folder = ladder_folder(config.out) if config.ladder else RunFolder(path=config.out)
    settings = planner_settings(config.planner, planner, config.context_frames)
    folder.check(header_but_model(protocol, settings), overwrite=config.overwrite)
    return Evaluation(
        tasks=tasks,
        planner_name=config.planner,
        planner=planner,
        protocol=protocol,
        context_frames=config.context_frames,
        workers=config.workers,
        named_model=load_world_model(config.model),
    )


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True))


class _Bars:
    """One bar per task over the episodes of all contestants."""

    def __init__(self, progress: Progress, tasks: tuple[str, ...], total: int) -> None:
        self._progress = progress
        self._bars = {task: progress.add_task(task, total=total) for task in tasks}
        self._successes: Counter[tuple[str, str]] = Counter()

    def __call__(self, task: str, contestant: str, outcome: Outcome) -> None:
        self._successes[task, contestant] += outcome.success
        successes = self._successes[task, contestant]
        text = f"{task} · {contestant} · {successes} reached"
        self._progress.update(self._bars[task], advance=1, description=text)


def _table(name: str, task: TaskReport) -> Table:
    """Return the score table of one task, at most 80 characters wide."""
    title = f"{name}: distance at the end and planning time as median / 90th percentile"
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=0)
    table.add_column("", no_wrap=True)
    for column in ("success", "95 %", "≤ 4 cm", "cm", "s", "evals"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_row(*_cells("planner", task.score), style="bold")
    for control, score in task.controls.items():
        table.add_row(*_cells(control, score))
    for name, score in task.state_goal.items():
        table.add_row(*_cells(f"{name.removeprefix('planner ')}, apart", score), style="dim")
    return table


def _stopped(name: str, task: TaskReport) -> list[str]:
    """Return a line that says how many episodes of the planner were stopped, and why; or none."""
    reasons = [row.stopped.partition(". ")[0] for row in task.per_episode if row.stopped]
    if not reasons:
        return []
    why = "; ".join(dict.fromkeys(reasons))
    return [f"{name}: {len(reasons)} of {len(task.per_episode)} episodes were stopped: {why}."]


def _cells(name: str, score: Score) -> list[str]:
    low, high = score.wilson95
    distance, seconds = score.final_distance_m, score.plan_seconds
    return [
        name,
        f"{score.successes}/{score.episodes}",
        f"{100 * low:.0f}–{100 * high:.0f}",
        f"{score.success_4cm}",
        f"{100 * distance.median:.1f} / {100 * distance.p90:.1f}",
        f"{seconds.median:.1f} / {seconds.p90:.1f}",
        f"{score.model_evaluations_per_action}",
    ]

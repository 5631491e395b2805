"""What is kept of an episode, the score that follows, and the ledger that resumes a run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from armchair.errors import BadFileError
from armchair.evaluation.episode import Scene, Trace
from armchair.evaluation.folder import OVERWRITE
from armchair.evaluation.statistics import Quantiles, wilson95


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One episode in numbers; seconds and evaluations are per action, in order.

    clauses: the parts of the success rule and whether each was met, for tasks with an object.
    dropped: candidates whose energy was no number; stopped: why the episode ended early, if it did;
    goals_of: the other episode whose goals were shown, where they were shuffled.
    """

    seed: tuple[int, ...]
    success: bool
    success_4cm: bool
    final_distance_m: float
    distances_m: tuple[float, ...]
    plan_seconds: tuple[float, ...]
    evaluations: tuple[int, ...]
    rejected_resets: int
    video: str | None
    clauses: Mapping[str, bool] = field(default_factory=dict)
    dropped: int = 0
    stopped: str | None = None
    goals_of: int | None = None

    @classmethod
    def of(
        cls, trace: Trace, scene: Scene, video: str | None, goals_of: int | None = None
    ) -> Outcome:
        """Return the numbers of a trace."""
        planned = [d for d in trace.decisions if d.plan is not None]
        return cls(
            seed=scene.entropy(),
            success=trace.verdict.success,
            success_4cm=trace.verdict.success_4cm,
            final_distance_m=trace.verdict.final_distance_m,
            distances_m=trace.distances_m,
            plan_seconds=tuple(d.seconds for d in planned),
            evaluations=tuple(d.plan.evaluations for d in planned if d.plan is not None),
            rejected_resets=trace.rejected_resets,
            video=video,
            clauses=dict(trace.verdict.clauses),
            dropped=sum(d.plan.dropped for d in planned if d.plan is not None),
            stopped=trace.stopped,
            goals_of=goals_of,
        )


@dataclass(frozen=True, kw_only=True)
class Score:
    """A contestant's episodes together; distances in metres, times in seconds per action.

    clauses: how many episodes met each part of the task's success rule, for tasks with an object.
    """

    episodes: int
    successes: int
    rate: float
    wilson95: tuple[float, float]
    success_4cm: int
    rejected_resets: int
    final_distance_m: Quantiles
    plan_seconds: Quantiles
    model_evaluations_per_action: int
    clauses: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, outcomes: Sequence[Outcome]) -> Score:
        """Return the score of one episode or more."""
        successes = sum(outcome.success for outcome in outcomes)
        spent = [count for outcome in outcomes for count in outcome.evaluations]
        return cls(
            episodes=len(outcomes),
            successes=successes,
            rate=successes / len(outcomes),
            wilson95=wilson95(successes, len(outcomes)),
            success_4cm=sum(outcome.success_4cm for outcome in outcomes),
            rejected_resets=sum(outcome.rejected_resets for outcome in outcomes),
            final_distance_m=Quantiles.of([outcome.final_distance_m for outcome in outcomes]),
            plan_seconds=Quantiles.of([s for outcome in outcomes for s in outcome.plan_seconds]),
            model_evaluations_per_action=round(sum(spent) / len(spent)) if spent else 0,
            clauses={
                name: sum(outcome.clauses[name] for outcome in outcomes)
                for name in outcomes[0].clauses
            },
        )


class Ledger:
    """Finished episodes on disk, one JSON line each, so that an interrupted run goes on.

    The first line is the run's fingerprint. Raises `BadFileError` for a ledger of another run.
    """

    def __init__(self, path: Path, fingerprint: Mapping[str, Any]) -> None:
        self._path = path
        self._done: dict[tuple[str, str, int], Outcome] = {}
        header = json.dumps(fingerprint, sort_keys=True)
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        if len(lines) > 1 and lines[0] != header:
            raise BadFileError(
                path,
                "holds unfinished episodes of a run with other settings or other code",
                f"Give that run's command to go on, choose another --out, or {OVERWRITE}.",
            )
        for line in lines[1:]:
            self._read(line)
        kept = [header, *(_line(key, outcome) for key, outcome in self._done.items())]
        path.write_text("".join(f"{line}\n" for line in kept), "utf-8")

    def __len__(self) -> int:
        return len(self._done)

    def find(self, task: str, contestant: str, episode: int) -> Outcome | None:
        """Return the outcome of an episode that was finished before, or None."""
        return self._done.get((task, contestant, episode))

    def forget_shuffled_unless(self, donors: Sequence[int]) -> None:
        """Drop shuffled episodes whose goals were not of `donors[episode]`: a run of fewer or more
        episodes shuffles otherwise."""
        for key, outcome in list(self._done.items()):
            shuffled = outcome.goals_of is not None and key[2] < len(donors)
            if shuffled and outcome.goals_of != donors[key[2]]:
                del self._done[key]

    def add(self, task: str, contestant: str, episode: int, outcome: Outcome) -> None:
        """Keep an outcome."""
        key = task, contestant, episode
        self._done[key] = outcome
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"{_line(key, outcome)}\n")

    def _read(self, line: str) -> None:
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:  # the line that a kill cut short: that episode runs again
            return
        task, contestant, episode = entry.pop("key")
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in entry.items()
        }
        self._done[task, contestant, episode] = Outcome(**fields)


def _line(key: tuple[str, str, int], outcome: Outcome) -> str:
    return json.dumps({"key": key, **asdict(outcome)}, allow_nan=False)

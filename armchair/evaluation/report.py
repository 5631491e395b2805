"""The report of a run: `report.json` in the benchmark's schema, version 1."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from armchair.evaluation.ledger import Part
from armchair.evaluation.outcomes import Outcome, Score

VERSION = 1
BENCHMARK = "v1"


@dataclass(frozen=True, kw_only=True)
class EpisodeRow:
    """One episode of the planner; `seed` is the entropy (role, seed, episode) of its scene.

    clauses: the parts of the success rule and whether each was met, for tasks with an object.
    dropped: candidates whose energy was no number; stopped: why the episode ended early, if it did.
    """

    seed: tuple[int, ...]
    success: bool
    final_distance_m: float
    distances_m: tuple[float, ...]
    video: str | None
    clauses: Mapping[str, bool] = field(default_factory=dict)
    dropped: int = 0
    stopped: str | None = None

    @classmethod
    def of(cls, outcome: Outcome) -> EpisodeRow:
        """Return the row of an outcome."""
        return cls(
            seed=outcome.seed,
            success=outcome.success,
            final_distance_m=outcome.final_distance_m,
            distances_m=outcome.distances_m,
            video=outcome.video,
            clauses=outcome.clauses,
            dropped=outcome.dropped,
            stopped=outcome.stopped,
        )


@dataclass(frozen=True, kw_only=True)
class TaskReport:
    """The planner's score, its controls by name, and every episode of the planner.

    state_goal: who knew the goal's state, by name; apart from all that counts.
    """

    score: Score
    controls: Mapping[str, Score]
    per_episode: tuple[EpisodeRow, ...]
    state_goal: Mapping[str, Score] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the schema's entry: the score's fields, then controls and episodes."""
        knowing = {name: _entry(score) for name, score in self.state_goal.items()}
        return {
            **_entry(self.score),
            "controls": {name: _entry(score) for name, score in self.controls.items()},
            "per_episode": [_entry(row) for row in self.per_episode],
            **({"state_goal": knowing} if knowing else {}),
        }


def _entry(part: Score | EpisodeRow) -> dict[str, Any]:
    """Return the fields of a part, without those that say that nothing of their kind happened."""
    unusual = ("clauses", "dropped", "stopped")
    return {name: value for name, value in asdict(part).items() if value or name not in unusual}


@dataclass(frozen=True, kw_only=True)
class Report:
    """A whole run; `camera` names the placement, `code` is the commit, `arithmetic` the number
    format of imagination: bfloat16, float32, or a plug-in's own; parts: every invocation that
    played some of it.
    """

    role: str
    level: str
    seed: int
    camera: str
    model: str
    model_sha256: str
    code: str
    arithmetic: str
    planner: Mapping[str, Any]
    tasks: Mapping[str, TaskReport]
    parts: tuple[Part, ...]

    @property
    def cpu(self) -> str:
        """The processor and its usable cores; all of them, where the parts had several."""
        return "; ".join(dict.fromkeys(part.cpu for part in self.parts))

    @property
    def peak_memory_mb(self) -> float:
        """The most that a process of the run held, megabytes; parts that were killed kept none."""
        return max((part.peak_memory_mb or 0.0 for part in self.parts), default=0.0)

    @property
    def workers(self) -> int:
        """How many processes played side by side at most."""
        return max(part.workers for part in self.parts)

    @property
    def reruns(self) -> tuple[str, ...]:
        """Episodes that a dying worker lost, played again."""
        return tuple(" · ".join(map(str, job)) for part in self.parts for job in part.lost)

    def to_dict(self) -> dict[str, Any]:
        """Return the schema's top level."""
        return {
            "version": VERSION,
            "benchmark": BENCHMARK,
            "role": self.role,
            "level": self.level,
            "seed": self.seed,
            "camera": self.camera,
            "model": self.model,
            "model_sha256": self.model_sha256,
            "code": self.code,
            "arithmetic": self.arithmetic,
            "cpu": self.cpu,
            "peak_memory_mb": round(self.peak_memory_mb),
            "planner": dict(self.planner),
            **({"workers": self.workers} if self.workers > 1 else {}),
            **({"reruns": list(self.reruns)} if self.reruns else {}),
            **({"parts": [asdict(part) for part in self.parts]} if len(self.parts) > 1 else {}),
            "tasks": {name: task.to_dict() for name, task in self.tasks.items()},
        }

    def write_json(self, path: Path) -> None:
        """Write the report; a number that JSON cannot hold (NaN, infinity) is our own mistake."""
        text = json.dumps(self.to_dict(), indent=2, allow_nan=False)
        partial = path.with_suffix(".partial")
        partial.write_text(f"{text}\n", "utf-8")
        partial.replace(path)

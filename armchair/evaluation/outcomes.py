"""What is kept of an episode, and the score that follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from armchair.evaluation.episode import Scene, Trace
from armchair.evaluation.statistics import Quantiles, wilson95


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One episode in numbers; seconds and evaluations are per action, in order.

    clauses: the parts of the success rule and whether each was met, for tasks with an object.
    dropped: candidates whose energy was no number; stopped: why the episode ended early, if it did.
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

    @classmethod
    def of(cls, trace: Trace, scene: Scene, video: str | None) -> Outcome:
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
        )

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Outcome:
        """Return the outcome of which `entry` holds every field, as JSON gives it back."""
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in entry.items()
        }
        return cls(**fields)


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

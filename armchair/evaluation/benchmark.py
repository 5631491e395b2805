"""Benchmark v1: one task, one planner, its controls, the same episodes for all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from armchair.errors import ArmchairError, BadValueError
from armchair.evaluation.contestants import (
    CONTROLS,
    Contestant,
    Entry,
    derangement,
    planner_under_test,
)
from armchair.evaluation.episode import Env, Scene, Trace, goal_images, play
from armchair.evaluation.outcomes import Ledger, Outcome, Score
from armchair.evaluation.report import EpisodeRow, TaskReport
from armchair.evaluation.tasks import TASKS
from armchair.evaluation.video import write_video
from armchair.planners import GoalImage

REJECTED_SHARE = 0.05
"""Above this share of rejected resets a run fails."""


class RejectedResetsError(ArmchairError):
    """Too many scenes were thrown away: the distribution is not the benchmark's."""


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Which episodes are played, who plays beside the planner, and where videos go."""

    role: str
    seed: int
    level: str
    episodes: int
    controls: tuple[str, ...]
    out: Path
    videos: bool

    def __post_init__(self) -> None:
        if self.episodes < 1:
            raise BadValueError(f"episodes is {self.episodes}, expected 1 or more.")

    def scene(self, episode: int) -> Scene:
        """Return the scene of one episode."""
        return Scene(role=self.role, seed=self.seed, episode=episode, level=self.level)


OnEpisode = Callable[[str, str, Outcome], None]
"""Called with the task, the contestant and the outcome after every episode."""


def run_task(
    name: str, entry: Entry, protocol: Protocol, ledger: Ledger, on_episode: OnEpisode
) -> TaskReport:
    """Play all episodes of a task with the planner and its controls."""
    contestants = [planner_under_test(entry), *(CONTROLS[c](entry) for c in protocol.controls)]
    env = TASKS[name].make_env()
    try:
        arena = _Arena(name, env, protocol, ledger, on_episode)
        outcomes = {contestant.name: arena.run(contestant) for contestant in contestants}
    finally:
        env.close()
    entrant = outcomes.pop("planner")
    return TaskReport(
        score=Score.of(entrant),
        controls={control: Score.of(played) for control, played in outcomes.items()},
        per_episode=tuple(EpisodeRow.of(outcome) for outcome in entrant),
    )


def check_rejections(name: str, task: TaskReport) -> None:
    """Raise `RejectedResetsError` if more than 5 % of all resets were rejected."""
    rejected, accepted = task.score.rejected_resets, task.score.episodes
    if rejected > REJECTED_SHARE * (rejected + accepted):
        raise RejectedResetsError(
            f"{name}: {rejected} of {rejected + accepted} resets were rejected, more than "
            f"{100 * REJECTED_SHARE:.0f} %; the run does not count. Check the expert and the level."
        )


@dataclass
class _Arena:
    """One task's environment and what is shared between its contestants."""

    name: str
    env: Env
    protocol: Protocol
    ledger: Ledger
    on_episode: OnEpisode
    goals: dict[int, tuple[GoalImage, ...]] = field(default_factory=dict)

    def run(self, contestant: Contestant) -> list[Outcome]:
        """Return the outcomes of all episodes; finished ones come from the ledger."""
        donors: Sequence[int] | None = None
        if contestant.shuffled:
            donors = derangement(max(2, self.protocol.episodes), self.protocol.seed)
        outcomes = []
        for episode in range(self.protocol.episodes):
            outcome = self.ledger.find(self.name, contestant.name, episode)
            if outcome is None:
                goals = self._goals_of(donors[episode]) if donors is not None else None
                outcome = self._play(contestant, episode, goals)
                self.ledger.add(self.name, contestant.name, episode, outcome)
            outcomes.append(outcome)
            self.on_episode(self.name, contestant.name, outcome)
        return outcomes

    def _play(
        self, contestant: Contestant, episode: int, goals: Sequence[GoalImage] | None
    ) -> Outcome:
        scene = self.protocol.scene(episode)
        trace = play(self.env, TASKS[self.name], scene, contestant, goals)
        is_entrant = contestant.name == "planner"
        if is_entrant:
            self.goals[episode] = trace.goals
        video = self._video(trace, episode) if is_entrant and self.protocol.videos else None
        return Outcome.of(trace, scene, video)

    def _goals_of(self, episode: int) -> tuple[GoalImage, ...]:
        """Return the goal images of an episode, by a reset if the planner did not play it now."""
        if episode not in self.goals:
            observed, _ = self.env.reset(options=self.protocol.scene(episode).options())
            self.goals[episode] = goal_images(self.env, TASKS[self.name], observed)
        return self.goals[episode]

    def _video(self, trace: Trace, episode: int) -> str:
        """Write the video and return its path relative to the report."""
        relative = Path("videos") / f"{self.name}-{episode:03d}.mp4"
        title = f"{self.name} · episode {episode}"
        write_video(self.protocol.out / relative, trace, TASKS[self.name].switch_steps, title)
        return relative.as_posix()

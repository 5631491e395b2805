"""One task's environment, where any contestant plays any episode, always in the same way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from armchair.evaluation.contestants import Contestant, donor_of
from armchair.evaluation.episode import Env, Trace, goal_images, play
from armchair.evaluation.outcomes import Outcome
from armchair.evaluation.protocol import Protocol
from armchair.evaluation.tasks import TASKS
from armchair.evaluation.video import write_video
from armchair.planners import GoalImage

ENTRANT = "planner"
"""The contestant under test: the one whose episodes are filmed."""


class Arena:
    """Plays episodes of one task; the environment is made on the first and freed by `close`."""

    def __init__(self, name: str, contestants: Sequence[Contestant], protocol: Protocol) -> None:
        self.name, self.protocol = name, protocol
        self.contestants: Mapping[str, Contestant] = {c.name: c for c in contestants}
        self._task = TASKS[name]
        self._made: Env | None = None
        self._goals: dict[int, tuple[GoalImage, ...]] = {}

    @property
    def _env(self) -> Env:
        if self._made is None:
            self._made = self._task.make_env()
        return self._made

    def play(self, contestant: str, episode: int) -> Outcome:
        """Return the outcome of one episode, the same whatever was played before."""
        who, scene = self.contestants[contestant], self.protocol.scene(episode)
        goals = self._goals_of(donor_of(episode)) if who.shuffled else None
        trace = play(self._env, self._task, scene, who, goals)
        is_entrant = contestant == ENTRANT
        if is_entrant:
            self._goals[episode] = trace.goals
        video = self._video(trace, episode) if is_entrant and self.protocol.videos else None
        return Outcome.of(trace, scene, video)

    def close(self) -> None:
        """Free the environment."""
        if self._made is not None:
            self._made.close()
            self._made = None

    def _goals_of(self, episode: int) -> tuple[GoalImage, ...]:
        """Return the goal images of an episode, by a reset if the planner did not play it now."""
        if episode not in self._goals:
            observed, _ = self._env.reset(options=self.protocol.scene(episode).options())
            self._goals[episode] = goal_images(self._env, self._task, observed)
        return self._goals[episode]

    def _video(self, trace: Trace, episode: int) -> str:
        """Write the video and return its path relative to the report."""
        relative = Path("videos") / f"{self.name}-{episode:03d}.mp4"
        title = f"{self.name} · episode {episode}"
        write_video(self.protocol.out / relative, trace, self._task.switch_steps, title)
        return relative.as_posix()

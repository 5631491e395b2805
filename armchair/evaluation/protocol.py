"""Which episodes are played, and by whom: what two runs must share to be compared."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from armchair.errors import BadValueError
from armchair.evaluation.episode import Scene
from armchair.sim.randomise import LEVELS


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
    state_goal: float = 0.0
    """Energy per metre of the contestant `+state goal`; 0 leaves it out."""

    def __post_init__(self) -> None:
        LEVELS[self.level]
        if self.episodes < 1:
            raise BadValueError(f"episodes is {self.episodes}, expected 1 or more.")
        if not 0.0 <= self.state_goal < float("inf"):
            raise BadValueError(f"state_goal is {self.state_goal}, expected 0 (none) or more.")

    def scene(self, episode: int) -> Scene:
        """Return the scene of one episode."""
        return Scene(role=self.role, seed=self.seed, episode=episode, level=self.level)

"""What episodes hold, in numbers; what `armchair inspect` prints as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from armchair.episode import MIN_ROWS, ROWS_PER_SECOND
from armchair.episode_names import TRAJECTORY
from armchair.episode_table import datasets
from armchair.errors import ArmchairError
from armchair.worldmodel.data import video
from armchair.worldmodel.data.cameras import ROLES, rendered, serials
from armchair.worldmodel.data.episodes import EpisodeHandle
from armchair.worldmodel.data.problems import Problem
from armchair.worldmodel.data.trajectory import dataset_names, open_trajectory
from armchair.worldmodel.data.validate import validate_episode


@dataclass(frozen=True, kw_only=True)
class VideoFacts:
    """One camera's video as its header has it; `fps` means nothing, rows come at 15 Hz."""

    width: int
    height: int
    fps: float


@dataclass(frozen=True, kw_only=True)
class EpisodeFacts:
    """Numbers of one episode that has no problems.

    `videos` by role of the cameras that were rendered; `others`: datasets beyond the table; `low`,
    `high`: (7,) range of the state in metres, radians and 0 … 1.
    """

    success: bool
    rows: int
    videos: dict[str, VideoFacts]
    others: int
    low: NDArray[np.float64]
    high: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class EpisodeReport:
    """Everything that `armchair inspect` learns of one episode: its problems, or its numbers."""

    problems: list[Problem]
    facts: EpisodeFacts | None


def inspect_episode(path: Path) -> EpisodeReport:
    """Validate one episode folder and return its numbers if it has no problems."""
    problems = validate_episode(path)
    if problems:
        return EpisodeReport(problems=problems, facts=None)
    try:
        return EpisodeReport(problems=[], facts=_facts(path))
    except ArmchairError as error:  # damage where no dataset of the table lies
        return EpisodeReport(problems=[Problem.of(error, path)], facts=None)


def _facts(path: Path) -> EpisodeFacts:
    handle = EpisodeHandle(path)
    states = handle.states()
    indices = {role: video.index_video(mp4) for role, mp4 in rendered(handle).items()}
    with open_trajectory(path / TRAJECTORY) as file:
        known = {row.path for row in datasets(tuple(serials(handle).values()))}
        others = len(dataset_names(file) - known)
    return EpisodeFacts(
        success=bool(handle.metadata.get("success")),
        rows=len(states),
        videos={
            role: VideoFacts(width=index.width, height=index.height, fps=index.header_fps)
            for role, index in indices.items()
        },
        others=others,
        low=states.min(axis=0),
        high=states.max(axis=0),
    )


@dataclass(frozen=True, kw_only=True)
class FolderSummary:
    """Numbers over the episodes of a folder that have no problems; see `EpisodeFacts`.

    `rendered`: episodes with a video by camera role; `sizes`, `rates`: videos by width × height in
    pixels and by the header's frames per second.
    """

    episodes: int
    successes: int
    rows: tuple[int, ...]
    rendered: dict[str, int]
    sizes: dict[str, int]
    rates: dict[str, int]
    others: int
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @property
    def seconds(self) -> float:
        """Duration of everything."""
        return sum(self.rows) / ROWS_PER_SECOND

    @property
    def short(self) -> int:
        """Episodes too short for V-JEPA 2's loader, which hangs on them."""
        return sum(rows < MIN_ROWS for rows in self.rows)


def summarise(facts: Sequence[EpisodeFacts]) -> FolderSummary | None:
    """Return the summary of all episodes' numbers, None if there is none."""
    if not facts:
        return None
    videos = [one for episode in facts for one in episode.videos.values()]
    return FolderSummary(
        episodes=len(facts),
        successes=sum(episode.success for episode in facts),
        rows=tuple(episode.rows for episode in facts),
        rendered={role: sum(role in episode.videos for episode in facts) for role in ROLES},
        sizes=dict(Counter(f"{one.width}×{one.height}" for one in videos)),
        rates=dict(Counter(f"{one.fps:.4g}" for one in videos)),
        others=max(episode.others for episode in facts),
        low=np.min([episode.low for episode in facts], axis=0),
        high=np.max([episode.high for episode in facts], axis=0),
    )

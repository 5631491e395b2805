"""Everything that can be wrong with an episode on disk, as a list; what `armchair inspect` prints.

Works from the same tables as the writer. Datasets beyond the tables are no problem: real DROID
files hold more. A camera whose MP4 is absent was not rendered, which only the left one must be.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from armchair.episode_names import TRAJECTORY
from armchair.errors import ArmchairError
from armchair.worldmodel.data.check_metadata import metadata_problems
from armchair.worldmodel.data.check_simulation import simulation_problems
from armchair.worldmodel.data.check_trajectory import trajectory_problems
from armchair.worldmodel.data.check_videos import video_problems
from armchair.worldmodel.data.episodes import EpisodeHandle
from armchair.worldmodel.data.problems import Problem

__all__ = ["Problem", "validate_episode"]


def validate_episode(path: Path) -> list[Problem]:
    """Return every problem of one episode folder; decodes every frame. Raises nothing."""
    handle = EpisodeHandle(Path(path))
    problems: list[Problem] = []
    checks = (metadata_problems, trajectory_problems, _states, simulation_problems, video_problems)
    for check in checks:
        try:
            for problem in check(handle):
                problems.append(problem)  # what was found before an error counts
        except ArmchairError as error:
            problems.append(Problem.of(error, handle.path / TRAJECTORY))
    return list(dict.fromkeys(problems))


def _states(handle: EpisodeHandle) -> Iterator[Problem]:
    handle.states()  # raises what is wrong with units and values
    yield from ()

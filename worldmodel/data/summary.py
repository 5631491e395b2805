"""What a folder of episodes holds, in numbers; what `armchair inspect` prints as a table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from armchair.episode import MIN_ROWS, ROWS_PER_SECOND
from armchair.worldmodel.data.cameras import ROLES, rendered
from armchair.worldmodel.data.episodes import EpisodeHandle


@dataclass(frozen=True, kw_only=True)
class FolderSummary:
    """Numbers over the readable episodes of a folder.

    `rows` by episode; `rendered`: episodes with a video by camera role; `low`, `high`: (7,) range
    of the state in metres, radians and 0 … 1.
    """

    episodes: int
    successes: int
    rows: tuple[int, ...]
    rendered: dict[str, int]
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


def summarise(handles: Iterable[EpisodeHandle]) -> FolderSummary | None:
    """Return the summary of episodes that can be read, None if there is none."""
    handles = list(handles)
    if not handles:
        return None
    states = [handle.states() for handle in handles]
    everything = np.concatenate(states)
    return FolderSummary(
        episodes=len(handles),
        successes=sum(bool(handle.metadata.get("success")) for handle in handles),
        rows=tuple(len(state) for state in states),
        rendered={role: sum(role in rendered(handle) for handle in handles) for role in ROLES},
        low=everything.min(axis=0),
        high=everything.max(axis=0),
    )

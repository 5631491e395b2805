"""What a collection holds, read back from its episodes: how much of which behaviour."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py

from armchair.episode import OUTCOMES, ROWS_PER_SECOND
from armchair.episode_names import LAB, OBJECT_POSE, SIMULATION, index_of
from armchair.errors import BadFileError


@dataclass(frozen=True, kw_only=True)
class Made:
    """One episode, or the sum of several: counts, and rows of 1/15 s."""

    episodes: int
    successes: int
    rows: int
    settled_rows: int
    """Rows of episodes that moved in settled blocking steps."""

    @property
    def minutes(self) -> float:
        """Robot time in minutes."""
        return self.rows / ROWS_PER_SECOND / 60

    @property
    def settled_share(self) -> float:
        """Share of the time in settled steps, in [0, 1]."""
        return self.settled_rows / self.rows if self.rows else 0.0


def total(parts: Iterable[Made]) -> Made:
    """Return the sum."""
    each = list(parts)
    return Made(
        episodes=sum(part.episodes for part in each),
        successes=sum(part.successes for part in each),
        rows=sum(part.rows for part in each),
        settled_rows=sum(part.settled_rows for part in each),
    )


def made_under(root: Path) -> dict[tuple[str, str], Made]:
    """Return what a folder holds, by (behaviour, object), sorted.

    Raises `BadFileError` naming a file that does not say.
    """
    parts: dict[tuple[str, str], list[Made]] = defaultdict(list)
    for key, one in _episodes(root):
        parts[key].append(one)
    return {key: total(parts[key]) for key in sorted(parts)}


def _episodes(root: Path) -> Iterator[tuple[tuple[str, str], Made]]:
    for outcome in OUTCOMES:
        for folder in (root / LAB).glob(f"{outcome}/*/*"):
            if index_of(folder.name) is None:
                continue
            try:
                with h5py.File(folder / SIMULATION, locking=False) as file:
                    attributes, rows = dict(file.attrs), len(file[OBJECT_POSE])
                behaviour = str(attributes["behaviour"])
            except (OSError, KeyError) as error:
                found = f"cannot be read ({' '.join(str(error).split())})"
                fix = "Delete the episode's folder; the same command makes it again"
                raise BadFileError(folder / SIMULATION, found, fix) from error
            settled = bool(attributes.get("settled", behaviour != "play"))
            yield (
                (behaviour, str(attributes.get("object", "box"))),
                Made(
                    episodes=1,
                    successes=int(outcome == "success"),
                    rows=rows,
                    settled_rows=rows if settled else 0,
                ),
            )

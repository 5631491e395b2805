"""Pairs of frames out of logged episodes: two rows by number, or many within planners' reach."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import numpy as np

from armchair.errors import BadFileError, BadValueError
from armchair.evaluation.pairs import FramePair
from armchair.planners import Observation
from armchair.planners.bounds import GRIPPER_LIMIT, TRANSLATION_LIMIT_M
from armchair.poses import difference
from armchair.worldmodel.data.episodes import DroidEpisodes, EpisodeHandle

LEAST_M = 0.02
"""Shortest move of a drawn pair."""
MOST_RAD = 0.15
"""Largest turn about an axis of a drawn pair: planners do not search rotation by default."""
DRAWS = 200
"""Row pairs that are tried per episode until one fits."""


def logged_pair(folder: Path, rows: tuple[int, int]) -> FramePair:
    """Return rows i and j (0 is the first) of one logged episode in DROID format.

    Raises `BadFileError` for a folder that holds no episode or several, and `BadValueError` for
    rows that it does not have or that are the same.
    """
    return _pair(_only_episode(folder, rows), rows)


def logged_moments(folder: Path, rows: tuple[int, int], steps: int) -> Iterator[FramePair]:
    """Yield `steps` pairs of one logged episode, from rows i … j, evenly spread, to row j."""
    episode = _only_episode(folder, rows)
    places = np.linspace(rows[0], rows[1], steps + 1).round().astype(int)[:-1]
    for place in places:
        if int(place) != rows[1]:
            yield _pair(episode, (int(place), rows[1]))


def _only_episode(folder: Path, rows: tuple[int, int]) -> EpisodeHandle:
    """Return the episode in a folder, which must have both rows."""
    episodes = DroidEpisodes(folder)
    if len(episodes) != 1:
        fix = f"Name one of them, such as {episodes[0].path}."
        raise BadFileError(folder, f"holds {len(episodes)} episodes", fix)
    length = len(episodes[0])
    if rows[0] == rows[1] or not all(0 <= row < length for row in rows):
        raise BadValueError(
            f"rows are {rows[0]} and {rows[1]}: expected two different ones of 0 … {length - 1}, "
            f"the rows of {folder}."
        )
    return episodes[0]


def drawn_pairs(folder: Path, count: int, seed: int) -> list[FramePair]:
    """Return pairs spread over the episodes of a folder, each one action apart within bounds."""
    episodes, rng = DroidEpisodes(folder), np.random.default_rng(seed)
    found: list[FramePair] = []
    fruitless = 0  # since the last one that was found
    for number in cycle(rng.permutation(len(episodes)).tolist()):
        if len(found) == count:
            break
        rows = _rows_within_reach(episodes[number], rng)
        if rows is not None:
            found.append(_pair(episodes[number], rows))
            fruitless = 0
            continue
        fruitless += 1
        if fruitless > 2 * len(episodes):
            raise BadValueError(
                f"{folder}: too few pairs of frames between {100 * LEAST_M:.0f} cm and "
                f"{100 * TRANSLATION_LIMIT_M:.1f} cm per axis apart; take other episodes."
            )
    return found


def _rows_within_reach(episode: EpisodeHandle, rng: np.random.Generator) -> tuple[int, int] | None:
    states = episode.states()
    rows = rng.integers(0, len(states), size=(DRAWS, 2))
    moves = difference(states[rows[:, 0]], states[rows[:, 1]])
    fits = (
        (np.linalg.norm(moves[:, :3], axis=1) >= LEAST_M)
        & (np.abs(moves[:, :3]) <= TRANSLATION_LIMIT_M).all(axis=1)
        & (np.abs(moves[:, 3:6]) <= MOST_RAD).all(axis=1)
        & (np.abs(moves[:, 6]) <= GRIPPER_LIMIT)
    )
    if not fits.any():
        return None
    first, second = rows[int(fits.argmax())]
    return int(first), int(second)


def _pair(episode: EpisodeHandle, rows: tuple[int, int]) -> FramePair:
    frames, states = episode.frames(rows), episode.states()[list(rows)]
    before, after = (Observation(frame=frames[i], state=states[i]) for i in range(2))
    name = f"{episode.path.name.replace(':', '-')}-{rows[0]}-{rows[1]}"
    return FramePair(name=name, before=before, after=after)

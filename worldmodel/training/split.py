"""Which episodes are held out: by their names, so that the choice stays when others are added."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from armchair.errors import BadValueError
from armchair.worldmodel.data.episodes import EpisodeHandle

HELD_OUT_SHARE = 1 / 20
NAME_PARTS = 4
"""<LAB>/<outcome>/<date>/<episode>: an episode has its name wherever the data folder lies."""


def split_episodes(
    episodes: Sequence[EpisodeHandle],
) -> tuple[list[EpisodeHandle], list[EpisodeHandle]]:
    """Return episodes to learn from and held-out ones: about one in twenty, at least one.

    No episode that was learnt from is ever held out because others came in. Raises `BadValueError`
    if nothing would be left to learn from.
    """
    unique = {episode.path.resolve(): episode for episode in episodes}
    if len(unique) < 2:
        raise BadValueError(
            f"{episodes[0].path}: one episode alone is too few, as one is held out; give more, or "
            "another folder by --held-out."
        )
    out = drawn_out(unique)
    learnt = [episode for path, episode in unique.items() if path not in out]
    return learnt, [episode for path, episode in unique.items() if path in out]


def drawn_out(paths: Iterable[Path]) -> set[Path]:
    """Return those of at least two paths that are held out, by their names."""
    lots = {path: lot(path) for path in paths}
    out = {path for path, drawn in lots.items() if drawn < HELD_OUT_SHARE}
    if len(out) in (0, len(lots)):
        return {min(lots, key=lambda path: (lots[path], path))}
    return out


def lot(path: Path) -> float:
    """Return a number in [0, 1) that an episode's name alone decides."""
    name = "/".join(path.resolve().parts[-NAME_PARTS:])
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:6]) / 2**48


def check_apart(
    episodes: Sequence[EpisodeHandle],
    held_out: Sequence[EpisodeHandle],
    name: str = "--episodes",
    other: str = "--held-out",
) -> None:
    """Raise `BadValueError` if an episode is both learnt from and held out.

    `name` and `other` say where they were given.
    """
    both = {e.path.resolve() for e in episodes} & {e.path.resolve() for e in held_out}
    if both:
        raise BadValueError(
            f"{min(both)}: in {name} and in {other} ({len(both)} in all are in both); "
            "validation would be on what was learnt. Take them out of one of the two."
        )

"""Data that grows at its end, beside a manifest: one writer at a time, no byte less.

The frame store and the token cache are such folders: flat files, and a manifest that lists whose
numbers lie where. What one run reads of them is a view: the parts that it asked for, and no other.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from armchair.errors import BadFileError
from armchair.worldmodel.optimisation import atomic

LOCK = ".lock"


class Part(Protocol):
    """What one source, an episode or a video, has in the flat files; a dataclass."""

    @property
    def path(self) -> str:
        """Of the source, resolved."""

    @property
    def first(self) -> int:
        """Its first frame."""

    @property
    def count(self) -> int:
        """Its frames."""


P = TypeVar("P", bound=Part)


def pick(known: Sequence[P], paths: Sequence[str] | None) -> tuple[list[P], NDArray[np.int64]]:
    """Return the parts of some sources (None: all), numbered anew from 0, and where they lie.

    The second is (F,): of each frame of the view its place on disk. Every path must be known.
    """
    by_path = {part.path: part for part in known}
    chosen = list(known) if paths is None else [by_path[path] for path in paths]
    places = [np.arange(part.first, part.first + part.count) for part in chosen]
    firsts = np.cumsum([0, *(part.count for part in chosen)]).tolist()
    view = [
        replace(part, first=first)  # type: ignore[type-var]
        for part, first in zip(chosen, firsts[:-1], strict=True)
    ]
    return view, np.concatenate([np.zeros(0, np.int64), *places])


@contextmanager
def one_writer(folder: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Keep other processes out of `folder` within; `say` is told if this one must wait for them."""
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"waiting for another process that writes to {folder}")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def append(path: Path, content: bytes) -> None:
    """Add to the end of a file; it is on disk when this returns, before any manifest says so."""
    with atomic.one_line_when_full(path), path.open("ab") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def cut(path: Path, size: int, fix: str) -> None:
    """Cut off what lies beyond `size` bytes, the rubbish of a killed run.

    Raises `BadFileError` with `fix` for a shorter file: nothing is filled up with zeros.
    """
    path.touch()
    check_size(path, size, fix, growing=True)
    with path.open("r+b") as file:
        file.truncate(size)


def check_size(path: Path, size: int, fix: str, *, growing: bool = False) -> None:
    """Raise `BadFileError` with `fix` unless a file has exactly `size` bytes.

    `growing`: it may have more, as another process may be adding to it.
    """
    try:
        found = path.stat().st_size
    except OSError as error:
        raise BadFileError(path, f"cannot be read ({error})", fix) from error
    if found < size or (found > size and not growing):
        how = "shorter" if found < size else "longer"
        raise BadFileError(path, f"{found} bytes, {how} than its manifest says ({size})", fix)

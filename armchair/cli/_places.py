"""Whether folders are named and results can go where a user wants them, asked before the work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from armchair.errors import BadValueError


def check_some(option: str, folders: Sequence[Path]) -> None:
    """Raise `BadValueError` if an option that takes folders was given none."""
    if folders == ():
        raise BadValueError(f"{option} names no folder; give one or more.")


def check_folder(option: str, path: Path | None) -> None:
    """Raise `BadValueError` if a file lies where a folder is to be, or on the way to it."""
    for place in () if path is None else (path, *path.parents):
        if place.exists():
            if not place.is_dir():
                raise BadValueError(f"{option} {path}: {place} is a file; choose another folder.")
            return


def check_file(option: str, path: Path | None) -> None:
    """Raise `BadValueError` if a folder lies where a file is to be, or a file on the way to it."""
    if path is None:
        return
    if path.is_dir():
        raise BadValueError(f"{option} {path}: is a folder; give the name of a file in it.")
    check_folder(option, path.parent)

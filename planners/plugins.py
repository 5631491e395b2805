"""Things that other packages offer by entry points: their names, and how they are made."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

from armchair.errors import BadValueError


def plugin_names(group: str) -> tuple[str, ...]:
    """Return the names that installed packages offer in a group of entry points."""
    return tuple(sorted({entry.name for entry in entry_points(group=group)}))


def make_plugin(group: str, name: str, kind: str, needs: tuple[str, ...]) -> Any:
    """Return what the entry point's callable makes.

    Raises `BadValueError` if it cannot be imported or called, or if the thing lacks a method of
    `needs`; `kind` is what the message calls it.
    """
    (entry, *_) = entry_points(group=group, name=name)
    try:
        thing = entry.load()()
    except (ImportError, AttributeError, TypeError) as error:
        raise BadValueError(
            f"{kind} {name!r} of the entry point {entry.value} cannot be made ({error}): it must "
            "name a callable without arguments."
        ) from error
    if missing := [method for method in needs if not callable(getattr(thing, method, None))]:
        raise BadValueError(
            f"{kind} {name!r} of the entry point {entry.value} is a {type(thing).__name__} "
            f"without {' and '.join(missing)}."
        )
    return thing

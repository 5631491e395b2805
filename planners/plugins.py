"""Things that other packages offer by entry points: their names, and how they are made."""

from __future__ import annotations

from collections.abc import Container
from importlib.metadata import entry_points
from typing import Any

from armchair.errors import BadValueError


def plugin_names(group: str) -> tuple[str, ...]:
    """Return the names that installed packages offer in a group of entry points."""
    return tuple(sorted({entry.name for entry in entry_points(group=group)}))


def make_plugin(
    group: str, name: str, kind: str, needs: tuple[str, ...], ours: Container[str] = ()
) -> Any:
    """Return what the entry point's callable makes; None if no package offers the name.

    Raises `BadValueError` if the name is one of `ours` or several packages offer it, if it cannot
    be imported or called, or if the thing lacks a method of `needs`; `kind` is what the message
    calls it.
    """
    entries = tuple(entry_points(group=group, name=name))
    if not entries:
        return None
    owners = ["armchair itself"] if name in ours else []
    owners += sorted({f"{e.dist.name if e.dist else 'a package'} ({e.value})" for e in entries})
    if len(owners) > 1:
        raise BadValueError(
            f"{kind} {name!r} is offered by {' and by '.join(owners)}: uninstall one of them, or "
            "rename its entry point."
        )
    entry = entries[0]
    told = f"{kind} {name!r} of the entry point {entry.value}"
    try:
        thing = entry.load()()
    except (ImportError, AttributeError, TypeError) as error:
        raise BadValueError(
            f"{told} cannot be made ({error}): it must name a callable without arguments."
        ) from error
    except (RuntimeError, OSError, ValueError) as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise BadValueError(
            f"{told} fails as it is made ({said}): mend what its callable loads."
        ) from error
    if missing := [method for method in needs if not callable(getattr(thing, method, None))]:
        raise BadValueError(f"{told} is a {type(thing).__name__} without {' and '.join(missing)}.")
    return thing

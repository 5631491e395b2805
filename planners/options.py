"""Change single settings of a planner by `name=value`, as the command line gives them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, TypeAlias

from armchair.errors import BadValueError, UnknownNameError
from armchair.planners.protocol import Planner


def with_options(planner: Planner, options: Sequence[str]) -> Planner:
    """Return the planner with settings replaced: `("samples=256", "bounds.translation=0.05")`.

    Works on planners that are frozen dataclasses: the settings are those of their `config`, or
    their own where they have none. All change together, so that their order does not matter.
    Raises `UnknownNameError` for a setting that does not exist and `BadValueError` for a value of
    another type or range, or for a planner without settings.
    """
    if not options:
        return planner
    legal = _fields(planner)
    if not legal:
        raise BadValueError(f"{type(planner).__name__} takes no options; leave them out.")
    wanted: _Tree = {}
    for option in options:
        name, separator, _ = option.partition("=")
        if not separator:
            raise BadValueError(f"planner option {option!r} is not of the form name=value.")
        branch = wanted
        *owners, last = [*(["config"] if "config" in legal else []), *name.split(".")]
        for owner in owners:
            below = branch.setdefault(owner, {})
            if isinstance(below, str):
                raise BadValueError(f"planner options {below!r} and {option!r} exclude each other.")
            branch = below
        branch[last] = option
    changed: Planner = _replaced(planner, wanted)
    return changed


_Tree: TypeAlias = "dict[str, str | _Tree]"
"""Settings to change: the whole option at each leaf."""


def _replaced(owner: Any, wanted: _Tree) -> Any:
    """Return the dataclass `owner` with all the wanted values replaced at once."""
    legal = _fields(owner)
    changes = {}
    for name, what in wanted.items():
        if name not in legal:
            raise UnknownNameError("planner option", name, legal)
        old = getattr(owner, name)
        changes[name] = _parsed(old, what) if isinstance(what, str) else _replaced(old, what)
    return dataclasses.replace(owner, **changes)


def _fields(owner: Any) -> list[str]:
    """Return the names of what a dataclass is made of; of anything else, none."""
    known = dataclasses.fields(owner) if dataclasses.is_dataclass(owner) else ()
    return [field.name for field in known if field.init]


def _parsed(old: Any, option: str) -> Any:
    """Return what follows the = as the type of the value that it replaces."""
    text = option.partition("=")[2]
    if isinstance(old, bool):
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        raise BadValueError(f"planner option {option!r}: expected true or false.")
    if isinstance(old, (int, float, str)):
        try:
            return type(old)(text)
        except ValueError:
            raise BadValueError(
                f"planner option {option!r}: expected a value like {old!r} ({type(old).__name__})."
            ) from None
    raise BadValueError(f"planner option {option!r}: set its parts, such as bounds.translation.")

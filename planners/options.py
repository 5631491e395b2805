"""Change single settings of a planner by `name=value`, as the command line gives them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from armchair.errors import BadValueError, UnknownNameError
from armchair.planners.protocol import Planner


def with_options(planner: Planner, options: Sequence[str]) -> Planner:
    """Return the planner with settings replaced: `("samples=256", "bounds.translation=0.05")`.

    Works on planners that are frozen dataclasses with a `config`. Raises `UnknownNameError` for a
    setting that does not exist and `BadValueError` for a value of another type or range.
    """
    for option in options:
        name, separator, text = option.partition("=")
        if not separator:
            raise BadValueError(f"planner option {option!r} is not of the form name=value.")
        planner = _replaced(planner, ["config", *name.split(".")], text, option)
    return planner


def _replaced(owner: Any, path: list[str], text: str, option: str) -> Any:
    """Return the dataclass `owner` with the value at the dotted path replaced."""
    legal = [f.name for f in dataclasses.fields(owner)] if dataclasses.is_dataclass(owner) else []
    if path[0] not in legal:
        raise UnknownNameError("planner option", path[0], legal)
    old = getattr(owner, path[0])
    new = _parsed(old, text, option) if len(path) == 1 else _replaced(old, path[1:], text, option)
    return dataclasses.replace(owner, **{path[0]: new})


def _parsed(old: Any, text: str, option: str) -> Any:
    """Return `text` as the type of the value that it replaces."""
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

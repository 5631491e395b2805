"""What decides what a run learns, in plain values: no other run goes on from its checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Any

Setup = dict[str, Any]
"""Strings, numbers, truth values and None, by the names of the options that they come from."""
MAY_CHANGE = "recipe.schedule."
"""Options that a run may go on with at other values: a rate too high is cured so."""


def plain(name: str, value: Any, leave_out: Sequence[str] = ()) -> Setup:
    """Return a configuration, nested as it may be, as plain values by dotted names.

    `leave_out`: beginnings of names, below `name`, of what does not matter.
    """
    parts: list[tuple[str, Any]]
    if is_dataclass(value):
        parts = [(field.name, getattr(value, field.name)) for field in fields(value)]
    elif isinstance(value, tuple | list):
        parts = [(str(number), part) for number, part in enumerate(value)]
    else:
        return {name: value}
    found: Setup = {}
    for part, content in parts:
        if not part.startswith(tuple(leave_out)):
            found |= plain(f"{name}.{part}", content)
    return found


def differences(saved: Setup, asked: Setup) -> list[str]:
    """Return what differs, in words; names that only one of the two knows are left out."""
    return [
        f"{name} was {saved[name]}, is {asked[name]}"
        for name in asked
        if name in saved and saved[name] != asked[name]
    ]

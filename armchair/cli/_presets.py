"""Which recipe a verb's options start from: looked up before the other options are read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeVar, get_args

from armchair.errors import UnknownNameError

Preset = Literal["sandbox", "paper"]
Pretraining = Literal[
    "sandbox",
    "sandbox-cooldown",
    "paper",
    "paper-cooldown",
    "paper-vith",
    "paper-vith-cooldown",
    "paper-vitg",
    "paper-vitg-cooldown",
]
PRESETS: tuple[Preset, ...] = get_args(Preset)
PRETRAININGS: tuple[Pretraining, ...] = get_args(Pretraining)
OPTION = "--preset"
Name = TypeVar("Name", bound=str)


def chosen_preset(options: Sequence[str], known: Sequence[Name]) -> Name:
    """Return the value of `--preset` among command-line options, or the first of the known.

    Raises `UnknownNameError` for another.
    """
    value = value_of(options, OPTION)
    if value is None:
        return known[0]
    if value not in known:
        raise UnknownNameError("preset", value, known)
    return known[known.index(value)]


def value_of(options: Sequence[str], name: str) -> str | None:
    """Return what follows an option, `--name value` or `--name=value`; None if it is not there."""
    for option, following in zip(options, [*options[1:], ""], strict=True):
        found, _, joined = option.partition("=")
        if found == name:
            return joined or following
    return None

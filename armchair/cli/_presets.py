"""Which recipe a verb's options start from: looked up before the other options are read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from armchair.errors import UnknownNameError

Preset = Literal["sandbox", "paper"]
PRESETS: tuple[Preset, ...] = ("sandbox", "paper")
OPTION = "--preset"


def chosen_preset(options: Sequence[str]) -> Preset:
    """Return the value of `--preset` among command-line options, or "sandbox"."""
    for option, following in zip(options, [*options[1:], ""], strict=True):
        name, _, joined = option.partition("=")
        if name == OPTION:
            value = joined or following
            for preset in PRESETS:
                if value == preset:
                    return preset
            raise UnknownNameError("preset", value, PRESETS)
    return "sandbox"

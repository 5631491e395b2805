"""Seeds of benchmark v1: equal integers in different roles never give the same scene."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np

from armchair.errors import BadValueError, UnknownNameError

Role = Literal["train", "validation", "test"]
_ROLES: tuple[str, ...] = get_args(Role)


def episode_seed(role: str, seed: int, episode: int) -> np.random.SeedSequence:
    """Return the seed sequence of one episode.

    Raises `UnknownNameError` for another role, `BadValueError` unless both numbers are from 0 up.

    Source: "Benchmark v1 and fair play": `SeedSequence([role, seed, episode])`.
    """
    if role not in _ROLES:
        raise UnknownNameError("role", role, _ROLES)
    numbers: dict[str, Any] = {"seed": seed, "episode": episode}
    for name, value in numbers.items():
        if not isinstance(value, int | np.integer) or value < 0:
            raise BadValueError(f"{name} {value!r} is no whole number from 0 up; give one, 0 say.")
    return np.random.SeedSequence([_ROLES.index(role), seed, episode])

"""Seeds of benchmark v1: equal integers in different roles never give the same scene."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from armchair.errors import UnknownNameError

Role = Literal["train", "validation", "test"]
_ROLES: tuple[str, ...] = get_args(Role)


def episode_seed(role: str, seed: int, episode: int) -> np.random.SeedSequence:
    """Return the seed sequence of one episode; raises `UnknownNameError` for another role.

    Source: "Benchmark v1 and fair play": `SeedSequence([role, seed, episode])`.
    """
    if role not in _ROLES:
        raise UnknownNameError("role", role, _ROLES)
    return np.random.SeedSequence([_ROLES.index(role), seed, episode])

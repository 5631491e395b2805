"""Errors that a user can act on; numpy-only vocabulary, importable from every room.

Every error here means *bad input*: the command line prints its one line and exits with code 2.
`assert` and plain exceptions are for our own mistakes and keep their traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MOST_SEED = 2**63 - 1
"""Largest seed: what torch and numpy alike take, and JSON keeps."""


class ArmchairError(Exception):
    """Base of everything that the command line reports in one line, without a traceback."""


class BadFileError(ArmchairError):
    """A file that is missing, cut short, or holds something else than it should.

    The message names the file, what was found and what to do about it.
    """

    def __init__(self, path: object, found: str, fix: str) -> None:
        super().__init__(f"{path}: {found}. {fix}")
        self.path, self.found, self.fix = path, found, fix

    def __reduce__(self) -> tuple[type[BadFileError], tuple[object, str, str]]:
        return type(self), (self.path, self.found, self.fix)


class BadValueError(ArmchairError, ValueError):
    """A value outside its legal range or in the wrong unit; the message says both and the fix."""


def check_least(config: object, **least: float) -> None:
    """Raise `BadValueError` for the first of the named settings of `config` below its least value.

    What is infinite or no number is refused, too.
    """
    for name, value in least.items():
        found = getattr(config, name)
        if not (isinstance(found, int | float) and value <= found < float("inf")):
            raise BadValueError(f"{name} is {found}, expected {value:g} or more.")


def check_above(config: object, **limits: float) -> None:
    """Raise `BadValueError` for the first of the named settings of `config` not above its limit.

    What is infinite or no number is refused, too.
    """
    for name, value in limits.items():
        found = getattr(config, name)
        if not (isinstance(found, int | float) and value < found < float("inf")):
            raise BadValueError(f"{name} is {found}, expected more than {value:g}.")


def check_counts(config: object, *names: str) -> None:
    """Raise `BadValueError` for the first of the named settings that is no whole number above 0."""
    for name in names:
        found = getattr(config, name)
        if type(found) is not int or found < 1:
            raise BadValueError(f"{name} is {found}, expected a whole number from 1 up.")


def check_seed(seed: object) -> None:
    """Raise `BadValueError` for a seed that generators do not take."""
    if type(seed) is not int or not 0 <= seed <= MOST_SEED:
        raise BadValueError(f"seed is {seed}, expected a whole number from 0 to {MOST_SEED}.")


class UnknownNameError(ArmchairError, KeyError):
    """A name that no registry knows; the message lists the known ones and the nearest match."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind, self.name, self.known = kind, name, sorted(known)
        nearest = difflib.get_close_matches(name, self.known, n=1)
        hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
        super().__init__(f"unknown {kind} {name!r}.{hint} Known: {', '.join(self.known)}.")

    def __str__(self) -> str:  # KeyError would print the repr of its argument
        return str(self.args[0])

    def __reduce__(self) -> tuple[type[UnknownNameError], tuple[str, str, list[str]]]:
        return type(self), (self.kind, self.name, self.known)

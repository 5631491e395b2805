"""One thing that is wrong with an episode, with its path and the fix; part of the validator."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from armchair.errors import ArmchairError, BadFileError
from armchair.worldmodel.data.trajectory import COPY_AGAIN


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, where, and what to do about it."""

    path: Path
    found: str
    fix: str = COPY_AGAIN

    def __str__(self) -> str:
        return f"{self.path}: {self.found}. {self.fix}"

    @classmethod
    def of(cls, error: ArmchairError, path: Path) -> Problem:
        """Return what an error says; `path` is the file where the error does not name one."""
        if isinstance(error, BadFileError):
            return cls(Path(str(error.path)), error.found, error.fix)
        return cls(path, str(error).removeprefix(f"{path}: ").rstrip("."))

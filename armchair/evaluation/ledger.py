"""The ledger that resumes a run: finished episodes on disk, and how each part was played."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from armchair.errors import BadFileError
from armchair.evaluation.crew import Job
from armchair.evaluation.folder import OVERWRITE
from armchair.evaluation.outcomes import Outcome
from armchair.evaluation.provenance import peak_memory_mb, processor
from armchair.worldmodel.optimisation import atomic


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one invocation played of a run; one that was resumed has several.

    lost: jobs under way when a worker died, with repetition; peak_memory_mb: the most that a
    process of it held, None where it was killed.
    """

    workers: int
    cpu: str
    episodes: int = 0
    lost: tuple[Job, ...] = ()
    peak_memory_mb: float | None = None


class Ledger:
    """One JSON line for every finished episode, so that an interrupted run goes on.

    The first line is the run's fingerprint; the others say how the episodes after them were played.
    Raises `BadFileError` for a ledger of another run.
    """

    def __init__(self, path: Path, fingerprint: Mapping[str, Any], workers: int = 1) -> None:
        self._path, self._workers = path, workers
        self._done: dict[Job, Outcome] = {}
        self._parts: list[Part] = []
        self._began = False
        header = json.dumps(fingerprint, sort_keys=True)
        text = path.read_text("utf-8") if path.exists() else ""
        lines = text.splitlines()
        if lines and not _is_json(lines[0]) and not header.startswith(lines[0]):
            found = "is no journal of episodes"
            raise BadFileError(path, found, f"Choose another --out, or {OVERWRITE}.")
        if len(lines) > 1 and lines[0] != header:
            raise BadFileError(
                path,
                "holds unfinished episodes of a run with other settings or other code",
                f"Give that run's command to go on, choose another --out, or {OVERWRITE}.",
            )
        kept = [header]
        for number, line in enumerate(lines[1:], 2):
            try:
                kept += [line] if self._read(line) else []
            except (LookupError, TypeError, ValueError) as error:
                found = f"line {number} is no episode of a run ({error})"
                raise BadFileError(path, found, f"Delete that line, or {OVERWRITE}.") from error
        whole = "".join(f"{line}\n" for line in kept)
        if whole != text:
            atomic.write_bytes(path, whole.encode())

    def __len__(self) -> int:
        return len(self._done)

    @property
    def parts(self) -> tuple[Part, ...]:
        """Every invocation that played some of the run, in order."""
        return tuple(self._parts)

    def find(self, task: str, contestant: str, episode: int) -> Outcome | None:
        """Return the outcome of an episode that was finished before, or None."""
        return self._done.get((task, contestant, episode))

    def add(self, task: str, contestant: str, episode: int, outcome: Outcome) -> None:
        """Keep an outcome."""
        self._begin()
        self._write({"key": (task, contestant, episode), **asdict(outcome)})

    def lose(self, job: Job) -> None:
        """Keep that a worker died while it played a job."""
        self._begin()
        self._write({"lost": job})

    def close(self) -> None:
        """Keep how much memory was needed, if anything was played."""
        if self._began:
            self._write({"peak_memory_mb": peak_memory_mb()})

    def _begin(self) -> None:
        if not self._began:
            self._began = True
            self._write({"part": {"workers": self._workers, "cpu": processor()}})

    def _write(self, entry: dict[str, Any]) -> None:
        line = json.dumps(entry, allow_nan=False)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
        self._read(line)

    def _read(self, line: str) -> bool:
        """Take a line in; False for one that a kill cut short: that episode runs again."""
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            return False
        if "part" in entry:
            self._parts.append(Part(**entry["part"]))
        elif "lost" in entry:
            self._amend(lost=(*self._parts[-1].lost, tuple(entry["lost"])))
        elif "peak_memory_mb" in entry:
            self._amend(**entry)
        else:
            self._amend(episodes=self._parts[-1].episodes + 1)
            task, contestant, episode = entry.pop("key")
            self._done[task, contestant, episode] = Outcome.from_json(entry)
        return True

    def _amend(self, **changes: Any) -> None:
        self._parts[-1] = replace(self._parts[-1], **changes)


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except json.JSONDecodeError:
        return False
    return True

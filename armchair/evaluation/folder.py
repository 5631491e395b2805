"""The folder of a run: gone on with where it holds the same run, else refused or emptied."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from armchair.errors import BadFileError

CURVES = "distances.png"
OVERWRITE = "give --overwrite, which deletes its report, episodes and videos"


@dataclass(frozen=True, kw_only=True)
class RunFolder:
    """Where a run writes: its report and page by `stem`, and the journal of finished episodes."""

    path: Path
    stem: str = "report"
    journal: str = "episodes.jsonl"

    @property
    def report(self) -> Path:
        """Return the file of the report, there or not."""
        return self.path / f"{self.stem}.json"

    @property
    def ledger(self) -> Path:
        """Return the file of finished episodes, there or not."""
        return self.path / self.journal

    def check(self, asked: Mapping[str, Any], *, overwrite: bool) -> None:
        """Raise `BadFileError` for a file, or for the report of another run that is to be kept.

        asked: fields of the journal's first line, all that are known so far.
        """
        if self.path.exists() and not self.path.is_dir():
            raise BadFileError(self.path, "is a file", "Choose a folder for --out.")
        if not overwrite and self.report.exists() and (other := self._other(asked)):
            raise BadFileError(
                self.report, f"exists already, {other}", f"Choose another --out, or {OVERWRITE}."
            )

    def prepare(self, asked: Mapping[str, Any], *, overwrite: bool) -> None:
        """Check, then make the folder; what an earlier run wrote there goes if `overwrite`."""
        self.check(asked, overwrite=overwrite)
        if overwrite:
            for file in self._written():
                file.unlink(missing_ok=True)
        self.path.mkdir(parents=True, exist_ok=True)

    def _other(self, asked: Mapping[str, Any]) -> str:
        """Return in what the journal differs from what is asked, nothing if it goes on."""
        try:
            first = self.ledger.read_text("utf-8").partition("\n")[0]
            header = dict(json.loads(first))
        except (OSError, ValueError):
            return f"without {self.journal}, from which it could go on"
        wanted = json.loads(json.dumps(asked))
        names = [name for name, value in wanted.items() if header.get(name) != value]
        return f"of a run with another {' and '.join(names)}" if names else ""

    def _written(self) -> Sequence[Path]:
        pages = [self.report, self.report.with_suffix(".md"), self.ledger]
        if self.stem != "report":
            return pages
        return [*pages, self.path / CURVES, *sorted((self.path / "videos").glob("*.mp4"))]

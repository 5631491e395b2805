"""What ablation scripts share: run a command once, write a table between two marks of a page."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "ablations.md"


def run(command: list[str], done: Path) -> None:
    """Run an armchair command unless what it leaves is there; stop where one fails."""
    if done.exists():
        return
    print("armchair", shlex.join(command), flush=True)
    code = subprocess.run([sys.executable, "-m", "armchair", *command]).returncode
    if code:
        sys.exit(code)


def write_between(page: Path, begin: str, end: str, text: str) -> None:
    """Put text between two marks of a page and leave the rest alone."""
    before, rest = page.read_text().split(begin)
    page.write_text(f"{before}{begin}\n\n{text}\n\n{end}{rest.split(end)[1]}")

"""What a shell script would have Armchair do, without doing it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

SCRIPTS = Path(__file__).parents[2] / "scripts"


def played(name: str, folder: Path, *arguments: str) -> list[str]:
    """Return the commands that a script gives to a program that only repeats them."""
    for part in ("scripts", ".venv/bin"):
        (folder / part).mkdir(parents=True)
    script = shutil.copy(SCRIPTS / name, folder / "scripts")
    program = folder / ".venv" / "bin" / "armchair"
    program.write_text('#!/bin/sh\necho "$@"\n')
    program.chmod(0o755)
    done = subprocess.run(
        ["bash", str(script), *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()

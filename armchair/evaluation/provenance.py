"""Where a number came from: the code's commit and the processor."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
from pathlib import Path

import armchair


def code_version() -> str:
    """Return the commit that holds this code, `-dirty` if files were changed since.

    Outside a checkout (an installed wheel) the package's version stands instead.
    """
    here = Path(__file__).resolve()
    if _git(here.parent, "ls-files", "--error-unmatch", here.name) is None:
        return f"armchair {armchair.__version__}"
    commit = _git(here.parent, "rev-parse", "HEAD") or f"armchair {armchair.__version__}"
    changed = _git(here.parent, "status", "--porcelain", "--untracked-files=no")
    return f"{commit}-dirty" if changed else commit


def processor() -> str:
    """Return the processor's name and the number of cores that this process may use."""
    cores = usable_cores()
    return f"{_processor_name()}, {cores} core{'s' if cores > 1 else ''}"


def peak_memory_mb() -> float:
    """Return the most memory, in megabytes, that this process or one of its workers has held."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    most = max(resource.getrusage(which).ru_maxrss for which in who)
    return most / 2**20 if sys.platform == "darwin" else most / 2**10


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor_name() -> str:
    table = Path("/proc/cpuinfo")
    if table.exists():
        for line in table.read_text("utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine() or "unknown processor"


def _git(folder: Path, *arguments: str) -> str | None:
    """Return what git says, or None if it fails or is not there."""
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", *arguments],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None

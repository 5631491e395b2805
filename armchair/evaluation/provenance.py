"""Where a number came from: the code's commit and the processor."""

from __future__ import annotations

import hashlib
import os
import platform
import resource
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import packages_distributions, version
from pathlib import Path

import armchair

CODE = (":(top)", ":(top,exclude)docs", ":(top,exclude)tests", ":(top,exclude)*.md")
"""What git compares to tell changed code."""
OURS = ("armchair", "builtins")
"""Packages whose code the commit, or Python's version, tells."""
SHOWN = 16
"""So many letters of a commit or a hash are printed in tables."""
TEST_RUNS = "test-runs.txt"
"""A line for every time that test scenes were played, beside the folders of the runs."""


def code_version() -> str:
    """Return the commit that holds this code, `-dirty-…` with a hash of what was changed since.

    Modules that git does not know yet count as changes. Pages and tests do not count: nothing that
    is measured depends on them. Outside a checkout (an installed wheel) stands the package's
    version.
    """
    here = Path(__file__).resolve()
    if _git(here.parent, "ls-files", "--error-unmatch", here.name) is None:
        return f"armchair {armchair.__version__}"
    commit = _git(here.parent, "rev-parse", "HEAD") or f"armchair {armchair.__version__}"
    changed = _git(here.parent, "diff", "--no-ext-diff", "--full-index", "HEAD", "--", *CODE)
    digest = hashlib.sha256((changed or "").encode())
    new = _new_modules(here.parent)
    for name in new:
        digest.update(f"{name}\n".encode() + (here.parent / name).read_bytes())
    return f"{commit}-dirty-{digest.hexdigest()[:8]}" if changed or new else commit


def _new_modules(folder: Path) -> list[str]:
    """Return the modules of the checkout around a folder that git neither knows nor ignores, as
    paths from there."""
    asked = ("ls-files", "--others", "--exclude-standard", "-z", "--", *CODE)
    names = (_git(folder, *asked) or "").split("\0")
    return [name for name in names if name.endswith(".py") and (folder / name).is_file()]


def plugin_code(*things: object) -> str:
    """Return what tells the code of things from that of others, nothing if all of it is ours.

    Of every class from elsewhere: its module, that module's distribution if there is one, and a
    hash of its source, with what lies beside it in a package.
    """
    modules = {type(thing).__module__ for thing in things}
    others = [name for name in sorted(modules) if name.partition(".")[0] not in OURS]
    return ", ".join(_module_version(name) for name in others)


def _module_version(name: str) -> str:
    owners = packages_distributions().get(name.partition(".")[0], ())
    module = sys.modules.get(name)
    digest = hashlib.sha256()
    if source := getattr(module, "__file__", None):
        beside = Path(source).parent.glob("*.py") if getattr(module, "__package__", "") else ()
        for path in sorted({Path(source), *beside}):
            digest.update(f"{path.name}\n".encode() + path.read_bytes())
    installed = [f"{owner} {version(owner)}" for owner in sorted(set(owners))]
    return " ".join([name, *installed, digest.hexdigest()[:SHOWN]])


def in_short(version: str) -> str:
    """Return a hash or a code's version with its first `SHOWN` letters, and its change's."""
    commit, dash, changed = version.partition("-")
    return f"{commit[:SHOWN]}{dash}{changed}"


def note_test_run(folder: Path, about: str) -> None:
    """Append a line with the time to `TEST_RUNS` in a folder: test scenes are about to be played.

    It stays when the run is cut short, or its own folder is thrown away.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    with (folder / TEST_RUNS).open("a", encoding="utf-8") as file:
        file.write(f"{now} {about}\n")


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
            errors="replace",
            check=False,
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None

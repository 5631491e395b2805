"""The script that plays all planners: names with options become planner and options."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "compare_planners.sh"


def played(folder: Path, entries: list[str]) -> list[str]:
    """Return the commands that the script gives to a program that only repeats them."""
    for part in ("scripts", ".venv/bin"):
        (folder / part).mkdir(parents=True)
    script = shutil.copy(SCRIPT, folder / "scripts")
    program = folder / ".venv" / "bin" / "armchair"
    program.write_text('#!/bin/sh\necho "$@"\n')
    program.chmod(0o755)
    done = subprocess.run(
        ["bash", str(script), *entries], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_one_alone_is_played_and_compared_with_nothing(tmp_path: Path) -> None:
    (only,) = played(tmp_path, ["icem"])
    assert only.startswith("evaluate ")


def test_names_and_their_options_are_given_on(tmp_path: Path) -> None:
    entries = ["icem", "cem-paper:bounds.gripper=1,closing_gain=1.4"]
    plain, changed, compared = played(tmp_path, entries)
    assert "--planner icem --planner-options --controls none" in plain
    assert "--planner cem-paper --planner-options bounds.gripper=1 closing_gain=1.4 --" in changed
    for entry, line in zip(entries, (plain, changed), strict=True):
        assert line.endswith(f"--out runs/planners/{entry}")
        assert f"runs/planners/{entry}" in compared

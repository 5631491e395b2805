"""The script that plays all planners: names with options become planner and options."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "compare_planners.sh"


def test_names_and_their_options_are_given_on(tmp_path: Path) -> None:
    for folder in ("scripts", ".venv/bin"):
        (tmp_path / folder).mkdir(parents=True)
    script = shutil.copy(SCRIPT, tmp_path / "scripts")
    program = tmp_path / ".venv" / "bin" / "armchair"
    program.write_text('#!/bin/sh\necho "$@"\n')
    program.chmod(0o755)
    entries = ["icem", "cem-paper:bounds.gripper=1,closing_gain=1.4"]
    done = subprocess.run(
        ["bash", str(script), *entries], capture_output=True, text=True, check=True
    )
    plain, changed, compared = done.stdout.splitlines()
    assert "--planner icem --planner-options --controls none" in plain
    assert "--planner cem-paper --planner-options bounds.gripper=1 closing_gain=1.4 --" in changed
    for entry, line in zip(entries, (plain, changed), strict=True):
        assert line.endswith(f"--out runs/planners/{entry}")
        assert f"runs/planners/{entry}" in compared

"""Benchmark v1 is solvable as posed: the constrained expert succeeds in 95 of 100 of each task."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from armchair.evaluation.tasks import TASK_NAMES

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize("expert", ["constrained", "free"])
@pytest.mark.parametrize("task", [name for name in TASK_NAMES if name != "reach"])
def test_experts_succeed_in_95_of_100(task: str, expert: str) -> None:
    command = [sys.executable, "scripts/measure_experts.py", "--tasks", task, "--experts", expert]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=3600)
    assert done.returncode == 0, done.stdout + done.stderr
    rejected = int(done.stdout.rsplit("rejected resets", 1)[1])
    assert rejected <= 5

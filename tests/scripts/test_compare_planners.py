"""The script that plays all planners: names with options become planner and options."""

from __future__ import annotations

from pathlib import Path

from tests.scripts.stub import played

SCRIPT = "compare_planners.sh"


def test_one_alone_is_played_and_compared_with_nothing(tmp_path: Path) -> None:
    (only,) = played(SCRIPT, tmp_path, "icem")
    assert only.startswith("evaluate ")


def test_names_and_their_options_are_given_on(tmp_path: Path) -> None:
    entries = ["icem", "cem-paper:bounds.gripper=1,closing_gain=1.4"]
    plain, changed, compared = played(SCRIPT, tmp_path, *entries)
    assert "--planner icem --planner-options --controls none" in plain
    assert "--planner cem-paper --planner-options bounds.gripper=1 closing_gain=1.4 --" in changed
    for entry, line in zip(entries, (plain, changed), strict=True):
        assert line.endswith(f"--out runs/planners/{entry}")
        assert f"runs/planners/{entry}" in compared

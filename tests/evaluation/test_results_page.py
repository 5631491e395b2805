"""The row that a test run leaves in the results page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from armchair.errors import BadFileError
from armchair.evaluation.markdown import RESULTS_MARK, append_results
from armchair.evaluation.report import Report
from armchair.evaluation.run import evaluate
from tests.evaluation.conftest import evaluation
from tests.evaluation.fakes import FakeReach


def test_rows_are_appended_below_the_mark_and_nothing_else_changes(
    env: FakeReach, tmp_path: Path
) -> None:
    report = evaluate(evaluation(tmp_path / "run", role="test"), lambda *_: None)
    page = tmp_path / "results.md"
    page.write_text("# Results\n\nProse.\n\n| a |\n| --- |\n| 1 |\n")
    assert append_results(page, report, "armchair evaluate --role test") == ["reach"]
    once = page.read_text()
    assert once.startswith("# Results\n\nProse.\n\n| a |\n| --- |\n| 1 |\n\n" + RESULTS_MARK)
    page.write_text(once + "\n## After\n\n| b |\n| --- |\n")
    assert append_results(page, replace(report, seed=1), "second command") == ["reach"]
    lines = page.read_text().splitlines()
    rows = [line for line in lines if "| 3/3 |" in line]
    assert len(rows) == 2
    assert lines.index(rows[1]) == lines.index(rows[0]) + 1
    assert "`second command`" in rows[1]
    assert lines[-3:] == ["", "| b |", "| --- |"]
    header = next(line for line in lines if line.startswith("| date"))
    assert header.count("|") == rows[0].count("|")


def test_a_row_stands_once_and_again_only_with_more_episodes(
    env: FakeReach, tmp_path: Path
) -> None:
    def play(**changes: object) -> Report:
        run = evaluation(tmp_path / "run", role="test", **changes)
        return evaluate(run, lambda *_: None)

    page, few = tmp_path / "results.md", play(controls=("hold",))
    assert append_results(page, few, "first") == ["reach"]
    once = page.read_text()
    assert append_results(page, few, "again") == []
    assert append_results(page, play(controls=(), episodes=2), "fewer") == []
    assert page.read_text() == once
    assert append_results(page, play(controls=("hold", "random")), "controls") == ["reach"]
    assert append_results(page, play(controls=(), episodes=4), "episodes") == ["reach"]
    other = replace(few, planner={**few.planner, "samples": 65})
    assert append_results(page, other, "options") == ["reach"]
    assert append_results(page, replace(few, code="4567def"), "code") == ["reach"]
    assert page.read_text().count("| reach | light | 0 |") == 5


def test_a_mark_without_its_table_gets_one(env: FakeReach, tmp_path: Path) -> None:
    report = evaluate(evaluation(tmp_path / "run", controls=()), lambda *_: None)
    page, after = tmp_path / "results.md", "\n\n## After\n\n| b |\n| --- |\n"
    page.write_text(f"# Results\n\n{RESULTS_MARK}{after}")
    assert append_results(page, report, "command") == ["reach"]
    lines = page.read_text().splitlines()
    row = next(number for number, line in enumerate(lines) if "`command`" in line)
    assert lines[row - 2].startswith("| date")
    assert page.read_text().endswith(after)
    page.write_text(RESULTS_MARK)
    assert append_results(page, report, "command") == ["reach"]


def test_missing_folder_is_named(env: FakeReach, tmp_path: Path) -> None:
    report = evaluate(evaluation(tmp_path / "run", controls=()), lambda *_: None)
    with pytest.raises(BadFileError, match="root"):
        append_results(tmp_path / "no" / "results.md", report, "x")

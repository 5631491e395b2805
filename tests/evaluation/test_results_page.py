"""The row that a test run leaves in the results page."""

from __future__ import annotations

from pathlib import Path

import pytest

from armchair.errors import BadFileError
from armchair.evaluation.markdown import RESULTS_MARK, append_results
from armchair.evaluation.run import evaluate
from tests.evaluation.conftest import evaluation
from tests.evaluation.fakes import FakeReach


def test_rows_are_appended_below_the_mark_and_nothing_else_changes(
    env: FakeReach, tmp_path: Path
) -> None:
    report = evaluate(evaluation(tmp_path / "run", role="test"), lambda *_: None)
    page = tmp_path / "results.md"
    page.write_text("# Results\n\nProse.\n\n| a |\n| --- |\n| 1 |\n")
    append_results(page, report, "armchair evaluate --role test")
    once = page.read_text()
    assert once.startswith("# Results\n\nProse.\n\n| a |\n| --- |\n| 1 |\n\n" + RESULTS_MARK)
    page.write_text(once + "\n## After\n\n| b |\n| --- |\n")
    append_results(page, report, "second command")
    lines = page.read_text().splitlines()
    rows = [line for line in lines if "| 3/3 |" in line]
    assert len(rows) == 2
    assert lines.index(rows[1]) == lines.index(rows[0]) + 1
    assert "`second command`" in rows[1]
    assert lines[-3:] == ["", "| b |", "| --- |"]
    header = next(line for line in lines if line.startswith("| date"))
    assert header.count("|") == rows[0].count("|")


def test_missing_folder_is_named(env: FakeReach, tmp_path: Path) -> None:
    report = evaluate(evaluation(tmp_path / "run", controls=()), lambda *_: None)
    with pytest.raises(BadFileError, match="root"):
        append_results(tmp_path / "no" / "results.md", report, "x")

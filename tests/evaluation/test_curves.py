"""Distance curves: a picture beside the report, and unusual episodes in words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PIL import Image

from armchair.evaluation.curves import draw_distances
from armchair.evaluation.markdown import markdown
from armchair.evaluation.run import evaluate
from tests.evaluation.conftest import evaluation
from tests.evaluation.fakes import FakeReach
from tests.evaluation.test_run import ignore


def test_the_report_shows_distances_and_what_was_unusual(env: FakeReach, tmp_path: Path) -> None:
    report = evaluate(evaluation(tmp_path, controls=()), ignore)
    with Image.open(tmp_path / "distances.png") as picture:
        assert picture.size == (396, 330)
    page = (tmp_path / "report.md").read_text()
    assert "(distances.png)" in page
    assert "was stopped" not in page
    assert f"imagined in {report.arithmetic}, at most {report.peak_memory_mb:.0f} MB" in page
    task = report.tasks["reach"]
    rows = list(task.per_episode)
    rows[1] = replace(rows[1], stopped="all NaN.", distances_m=rows[1].distances_m[:3], dropped=7)
    odd = replace(task, per_episode=tuple(rows))
    words = markdown(replace(report, tasks={"reach": odd}))
    assert "Episode 1 was stopped: all NaN." in words
    assert "7 in episode 1" in words
    draw_distances(tmp_path / "all.png", {f"task {number}": odd for number in range(7)})
    with Image.open(tmp_path / "all.png") as picture:
        assert picture.size == (4 * 396, 2 * 330)

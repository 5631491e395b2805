"""The journal of a run: what is no journal is left alone, and a bad line is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from armchair.errors import BadFileError
from armchair.evaluation.ledger import Ledger

RUN = {"planner": "cem", "seed": 0}


def test_a_foreign_file_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "episodes.jsonl"
    path.write_text("my notes\n")
    with pytest.raises(BadFileError, match=r"is no journal of episodes\. Choose another --out"):
        Ledger(path, RUN)
    assert path.read_text() == "my notes\n"


def test_a_first_line_that_was_cut_short_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "episodes.jsonl"
    whole = json.dumps(RUN, sort_keys=True)
    path.write_text(whole[:9])
    assert len(Ledger(path, RUN)) == 0
    assert path.read_text() == f"{whole}\n"


@pytest.mark.parametrize("line", ['{"episode_index": 0}', '{"part": {"colour": 1}}', "[1]", "7"])
def test_a_line_that_is_no_episode_is_named(line: str, tmp_path: Path) -> None:
    path = tmp_path / "episodes.jsonl"
    before = f"{json.dumps(RUN, sort_keys=True)}\n{line}\n"
    path.write_text(before)
    with pytest.raises(BadFileError, match="line 2 is no episode of a run"):
        Ledger(path, RUN)
    assert path.read_text() == before

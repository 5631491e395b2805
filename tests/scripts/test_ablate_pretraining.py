"""The second ablation's table says what `armchair inspect` wrote, a command to each row."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

from tests.scripts.tables import written

SCRIPTS = Path(__file__).parents[2] / "scripts"


def test_the_table_holds_what_was_probed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    script = importlib.import_module("ablate_pretraining")
    names = list(script.VARIANTS)
    assert {name for group in script.TABLES.values() for name in group} == set(names)
    for name, ridge in ((names[0], 7.5), (names[4], 1.25), (names[-1], 2.5)):
        probe = {"unit": "cm", "ridge": ridge, "attentive": 3.0, "mean": 15.0}
        content = {"code": "0123456789abcdef", "processor": "a processor", "episodes": 40}
        content |= {"fitted_on": 200, "probes": dict.fromkeys(script.PROBED, probe)}
        folder = tmp_path / script.slug(name)
        folder.mkdir()
        (folder / "probes.json").write_text(json.dumps(content))
    rows = {}
    for table in ("changes", "uniform"):
        text = written(script, tmp_path, monkeypatch, script.marks(table), table)
        lines = (line for line in text.splitlines() if line.startswith(("| eq.", "| and")))
        rows[table] = list(lines)
    alone, rearranged = rows["changes"]
    assert rows["uniform"][0] == alone
    uniform = rows["uniform"][1]
    assert "| 7.5 / 3 / 15 |" in alone
    assert "--recipe.change.pairs 0" in alone
    assert "| 1.25 / 3 / 15 |" in rearranged
    assert str(tmp_path / "rearranged") in rearranged
    assert str(tmp_path / "rearranged") not in alone
    assert "| 2.5 / 3 / 15 |" in uniform
    assert f"--uniform {tmp_path / 'uniform'} " in uniform
    assert "--uniform" not in alone + rearranged

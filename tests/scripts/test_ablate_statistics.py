"""The ablation's table says what `armchair infer` wrote, and leaves the page around it alone."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.scripts.tables import written

SCRIPT = Path(__file__).parents[2] / "scripts" / "ablate_statistics.py"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    spec = importlib.util.spec_from_file_location("ablate_statistics", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def scores(correlation: float) -> dict[str, Any]:
    axes = {axis: {"correlation": correlation} for axis in ("x", "y", "z", "gripper")}
    plain = {"model": [0.1 * step for step in range(1, 9)], "copy": [1.0] * 8}
    inference = {"axes": axes, "translation_error": 0.0123}
    return {
        "code": "0123456789abcdef",
        "processor": "a processor",
        "scores": [{"inference": inference, "rollouts": {"plain": plain}}],
    }


def test_the_table_holds_what_was_judged(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for level, unit, correlation in (("none", "data", 0.5), ("light", "change", 0.75)):
        (tmp_path / level).mkdir()
        (tmp_path / level / f"{unit}.json").write_text(json.dumps(scores(correlation)))
    text = written(script, tmp_path, monkeypatch, (script.BEGIN, script.END))
    rows = [line for line in text.splitlines() if line.startswith(("| none", "| light"))]
    assert len(rows) == 2
    assert "| none | data | 0.50 | 0.50 | 0.50 | 0.50 | 1.2 cm | 10 % | 20 % | 80 % |" in rows[0]
    assert "--recipe.statistics change" in rows[1]

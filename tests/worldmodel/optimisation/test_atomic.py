"""Files that are whole or not there."""

from __future__ import annotations

import json
from pathlib import Path

from armchair.worldmodel.optimisation import atomic


def test_json_has_null_for_what_is_no_finite_number(tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    atomic.write_json(path, {"a": float("nan"), "b": [float("-inf"), 1.5, None, True], "c": (2,)})

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    read = json.loads(path.read_text(), parse_constant=refuse)
    assert read == {"a": None, "b": [None, 1.5, None, True], "c": [2]}

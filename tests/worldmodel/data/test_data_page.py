"""The example of docs/data.md runs as it stands there, and gives what its comments say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from armchair.sim.droid_writer import write_episode
from tests.factories import make_episode

PAGE = Path(__file__).resolve().parents[3] / "docs" / "data.md"


def test_reading_as_on_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for index in range(2):
        write_episode(tmp_path / "data/tasks", make_episode(index, rows=60))
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(example, str(PAGE), "exec"), names)
    assert names["states"].shape == (60, 7)
    assert names["frames"].shape == (15, 64, 64, 3)
    batch = names["batch"]
    assert batch.frames.shape == (8, 8, 128, 128, 3)
    assert (batch.states.shape, batch.actions.shape) == ((8, 8, 7), (8, 7, 7))

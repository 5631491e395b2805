"""The scripts that make the model and its results give commands that Armchair understands."""

from __future__ import annotations

import importlib
from collections import Counter
from pathlib import Path

import pytest

from armchair.cli.main import _parse
from tests.scripts.stub import played


@pytest.mark.parametrize(
    ("script", "verbs"),
    [
        ("make_model.sh", {"collect": 17, "pretrain": 11, "train": 7, "decoder": 1}),
        ("make_results.sh", {"evaluate": 1, "collect": 1, "infer": 1, "bench": 1}),
    ],
)
def test_every_command_is_one(
    script: str, verbs: dict[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = tmp_path / "out" / "tasks" / "report.md"
    report.parent.mkdir(parents=True)
    report.touch()
    monkeypatch.setenv("OUT", "out")
    monkeypatch.chdir(tmp_path)
    commands = [line.split() for line in played(script, tmp_path)]
    assert Counter(verb for verb, *_ in commands) == verbs
    for verb, *options in commands:
        module = importlib.import_module(f"armchair.cli.{verb}")
        assert isinstance(_parse(module, verb, options), module.Config)

"""Contract of every verb: one frozen, documented Config, a `run`, a help text."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
from pathlib import Path

import pytest

from armchair.cli.main import main, verbs


@pytest.mark.parametrize("verb", verbs())
def test_verb(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    module = importlib.import_module(f"armchair.cli.{verb}")
    assert 10 <= len(verbs()[verb]) <= 90, "the module's first line says what the verb does"
    assert dataclasses.is_dataclass(module.Config)
    assert module.Config.__dataclass_params__.frozen
    assert list(inspect.signature(module.run).parameters) == ["config"]
    with pytest.raises(SystemExit) as stop:
        main([verb, "--help"])
    assert stop.value.code == 0
    assert f"usage: armchair {verb}" in capsys.readouterr().out


@pytest.mark.parametrize("verb", verbs())
def test_every_option_is_documented(verb: str) -> None:
    module = importlib.import_module(f"armchair.cli.{verb}")
    tree = ast.parse(Path(str(module.__file__)).read_text())
    config = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "Config")
    for field, after in zip(config.body, [*config.body[1:], None], strict=True):
        if isinstance(field, ast.AnnAssign):
            assert isinstance(after, ast.Expr), (
                f"{ast.unparse(field.target)}: say what and in which unit"
            )

"""Contract of every verb: one frozen, documented Config, a `run`, a help text."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
from typing import get_type_hints

import pytest

from armchair.cli.main import main, verbs


@pytest.mark.parametrize("verb", verbs())
def test_verb(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    module = importlib.import_module(f"armchair.cli.{verb}")
    assert 10 <= len(verbs()[verb]) <= 100, "the module's first line says what the verb does"
    assert verbs()[verb][0].isupper(), "as a sentence"
    assert verbs()[verb].endswith(".")
    assert dataclasses.is_dataclass(module.Config)
    assert module.Config.__dataclass_params__.frozen
    assert list(inspect.signature(module.run).parameters) == ["config"]
    with pytest.raises(SystemExit) as stop:
        main([verb, "--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert f"usage: armchair {verb}" in text
    assert letters(module.__doc__) in letters(text), "help shows all that the module says"
    assert module.Config.__doc__ == f"Options of `armchair {verb}`.", "which help does not show"


def letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


@pytest.mark.parametrize("verb", verbs())
def test_every_option_says_what_it_is_and_in_which_unit(verb: str) -> None:
    config = importlib.import_module(f"armchair.cli.{verb}").Config
    (tree,) = ast.parse(inspect.getsource(config)).body
    assert isinstance(tree, ast.ClassDef)
    for field, after in zip(tree.body, [*tree.body[1:], None], strict=True):
        if isinstance(field, ast.AnnAssign) and not nested(config, field):
            assert isinstance(after, ast.Expr), f"--{ast.unparse(field.target)} has no docstring"


def nested(config: type, field: ast.AnnAssign) -> bool:
    """Return whether a field is a config of its own, documented beside what it configures."""
    return dataclasses.is_dataclass(get_type_hints(config)[ast.unparse(field.target)])

"""The rooms at the root are `armchair.*` in Python, and nothing else; guards against drift."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SETUPTOOLS = PROJECT["tool"]["setuptools"]
ROOMS = sorted(SETUPTOOLS["package-dir"].values())


def sources() -> list[Path]:
    """Return every Python file of the library, each once: not through the links."""
    folders = [ROOT / "armchair", *(ROOT / room for room in ROOMS)]
    files = [file for folder in folders for file in folder.rglob("*.py")]
    return [file for file in files if file.resolve() == file]


def test_declared_packages_are_the_folders_on_disk() -> None:
    folders = {file.parent.relative_to(ROOT) for file in sources()}
    names = {
        ".".join(f.parts if f.parts[0] == "armchair" else ("armchair", *f.parts)) for f in folders
    }
    assert names == set(SETUPTOOLS["packages"])


def test_every_package_has_an_init() -> None:
    assert [
        f for f in {file.parent for file in sources()} if not (f / "__init__.py").exists()
    ] == []


@pytest.mark.parametrize("room", ROOMS)
def test_link_and_mapping_agree(room: str) -> None:
    link = ROOT / "armchair" / room
    assert SETUPTOOLS["package-dir"][f"armchair.{room}"] == room
    assert link.is_symlink()
    assert link.readlink() == Path("..", room)


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_refuse_a_bare_name(room: str) -> None:
    command = [sys.executable, "-c", f"import {room}"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 1
    assert "ImportError" in result.stderr
    assert f"import armchair.{room}" in result.stderr.splitlines()[-1]


@pytest.mark.parametrize("room", ROOMS)
def test_ruff_bans_a_bare_name(room: str) -> None:
    banned = PROJECT["tool"]["ruff"]["lint"]["flake8-tidy-imports"]["banned-api"]
    assert f"armchair.{room}" in banned[room]["msg"]


def test_every_third_party_import_is_a_declared_dependency() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    optional = [text for name, texts in extras.items() if name != "dev" for text in texts]
    declared = {name_of(text) for text in PROJECT["project"]["dependencies"] + optional}
    owners = metadata.packages_distributions()
    for file in sources():
        for module in imported(file) - sys.stdlib_module_names - {"armchair"}:
            distributions = {name_of(owner) for owner in owners.get(module, [module])}
            assert distributions & declared, f"{file.relative_to(ROOT)} imports {module}"


def name_of(requirement: str) -> str:
    """Return the bare distribution name in lower case."""
    end = next((i for i, c in enumerate(requirement) if not (c.isalnum() or c in "-_.")), None)
    return requirement[:end].lower().replace("_", "-")


def imported(file: Path) -> set[str]:
    """Return the top-level names that a file imports, wherever in the file."""
    nodes = list(ast.walk(ast.parse(file.read_text())))
    plain = {a.name for node in nodes if isinstance(node, ast.Import) for a in node.names}
    froms = {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in plain | froms}

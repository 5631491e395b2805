"""Where a number came from: two changes of the same commit are two codes; the processor."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from armchair.evaluation import provenance
from armchair.evaluation.provenance import code_version, in_short, processor


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a checkout with a module, in which the code believes to be, and a page."""
    module, page = tmp_path / "armchair" / "provenance.py", tmp_path / "docs" / "results.md"
    for file in (module, page):
        file.parent.mkdir()
        file.write_text("one\n")
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    for arguments in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "first"]):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True)
    monkeypatch.setattr(provenance, "__file__", str(module))
    return tmp_path


def test_changed_code_is_told_apart_by_what_was_changed(checkout: Path) -> None:
    module = checkout / "armchair" / "provenance.py"
    clean = code_version()
    assert len(clean) == 40
    found = []
    for text in ("two\n", "three\n", "two\n"):
        module.write_text(text)
        found.append(code_version())
    assert found[0].startswith(f"{clean}-dirty-")
    assert found[0] == found[2] != found[1]
    assert in_short(clean) == clean[:16]
    assert in_short(found[0]) == clean[:16] + found[0][40:] != in_short(found[1])


def test_a_module_that_git_does_not_know_is_other_code(checkout: Path) -> None:
    clean = code_version()
    (checkout / ".gitignore").write_text("ignored.py\n")
    for name in ("armchair/notes.txt", "docs/figure.py", "ignored.py"):
        (checkout / name).write_text("one\n")
    assert code_version() == clean
    (checkout / "planners").mkdir()
    found = []
    for text in ("two\n", "three\n", "two\n"):
        (checkout / "planners" / "mine.py").write_text(text)
        found.append(code_version())
    assert found[0].startswith(f"{clean}-dirty-")
    assert found[0] == found[2] != found[1]


def test_a_new_line_in_a_page_is_no_other_code(checkout: Path) -> None:
    clean = code_version()
    (checkout / "docs" / "results.md").write_text("one\ntwo\n")
    assert code_version() == clean


@pytest.mark.parametrize(("cores", "words"), [(1, "fast, 1 core"), (2, "fast, 2 cores")])
def test_the_processor_and_its_cores(
    cores: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provenance, "usable_cores", lambda: cores)
    monkeypatch.setattr(provenance, "_processor_name", lambda: "fast")
    assert processor() == words

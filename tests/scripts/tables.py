"""What an ablation script writes between its two marks."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest


def written(
    script: ModuleType,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    marks: tuple[str, str],
    *arguments: str,
) -> str:
    """Return a page after `script --out folder --table`; what stood around the marks still does."""
    page = folder / "page.md"
    page.write_text("before\n{}\nlast time\n{}\nafter\n".format(*marks))
    monkeypatch.setattr(script, "PAGE", page)
    monkeypatch.setattr(sys, "argv", ["script", *arguments, "--out", str(folder), "--table"])
    script.main()
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "last time" not in text
    return text

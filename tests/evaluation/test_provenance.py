"""Where a number came from, in words."""

from __future__ import annotations

import pytest

from armchair.evaluation import provenance


@pytest.mark.parametrize(("cores", "words"), [(1, "fast, 1 core"), (2, "fast, 2 cores")])
def test_the_processor_and_its_cores(
    cores: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provenance, "usable_cores", lambda: cores)
    monkeypatch.setattr(provenance, "_processor_name", lambda: "fast")
    assert provenance.processor() == words

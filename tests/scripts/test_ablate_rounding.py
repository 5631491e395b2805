"""Rounding nothing is float32, each place counts, and the table goes between its marks."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from armchair.bench import planning
from armchair.bench.plain import plain_energies
from armchair.planners.energy import score
from armchair.worldmodel import precision
from tests.bench.test_planning import walk
from tests.worldmodel.models import tiny_sandbox

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    monkeypatch.setattr(planning, "simulated_walk", walk)
    return importlib.import_module("ablate_rounding")


def test_every_place_rounds_and_none_is_float32(script: ModuleType) -> None:
    model = planning.looking_back(tiny_sandbox(), None)
    context, goal, candidates = planning.problem(model, script.FRAMES, script.HORIZON)
    plain = plain_energies(model, context, candidates, goal)

    def energies(rounding: object) -> torch.Tensor:
        model.packed = script.RoundedPredictor(model, rounding)
        with precision.float32():
            return score(model, context, candidates, goal)

    exact = energies(script.Rounding(frozenset()))
    torch.testing.assert_close(exact, plain, rtol=1e-5, atol=1e-6)
    for place in script.PLACES:
        rounded = energies(script.Rounding(frozenset({place})))
        assert not torch.equal(rounded, exact), place
        torch.testing.assert_close(rounded, plain, rtol=0.02, atol=0)
    layers = frozenset(range(model.predictor.config.depth))
    assert torch.equal(energies(script.Rounding(script.LOOKS, spared=layers)), exact)


def test_the_table_has_a_row_for_each_rounding(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, page = tmp_path / "model", tmp_path / "page.md"
    tiny_sandbox().save_pretrained(folder)
    page.write_text(f"before\n{script.BEGIN}\n{script.END}\nafter\n")
    monkeypatch.setattr(script, "PAGE", page)
    monkeypatch.setattr(sys, "argv", ["script", "--model", str(folder), "--scenes", "2"])
    script.main()
    text = page.read_text()
    for words, _ in script.rows(tiny_sandbox().predictor.config.depth):
        assert f"\n| {words} | " in text

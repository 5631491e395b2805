"""Every notebook runs from top to bottom, at a small size."""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from armchair.worldmodel.model_files import SHIPPED

ROOT = Path(__file__).resolve().parents[1]
QUICK = {"first_plan"}
"""Those that `make test` runs, too."""
NOTEBOOKS = [
    pytest.param(path, id=path.stem, marks=() if path.stem in QUICK else pytest.mark.slow)
    for path in sorted(ROOT.glob("notebooks/*.ipynb"))
]


@pytest.mark.skipif(not (SHIPPED / "default").exists(), reason="no default model in this checkout")
@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_notebook(notebook: Path) -> None:
    mpl.use("Agg")
    cells = json.loads(notebook.read_text())["cells"]
    source = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    small = source.replace("STEPS = 5", "STEPS = 1")
    assert small != source, "the notebook no longer says how many steps it takes"
    exec(compile(small, notebook.name, "exec"), {})
    plt.close("all")

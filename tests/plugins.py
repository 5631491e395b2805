"""Packages with entry points, made on the spot; among them the examples of docs/extending.md."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[1] / "docs" / "extending.md"
BLOCK = re.compile(r'```(\w+) title="([^"]+)"\n(.*?)```', re.DOTALL)
GROUP = re.compile(r'\[project.entry-points."([^"]+)"\]\n(\w+) = "(\w+):(\w+)"')
PLAIN = """
import torch

from armchair.planners import ActionBounds, Plan
from armchair.planners.energy import score


class Plain:
    def plan(self, model, context, goal, generator, warm_start=None):
        drawn = ActionBounds().sample(32, 1, generator)
        energies = score(model, context, drawn, goal)
        best = int(energies.argmin())
        energy = float(energies[best])
        return Plan(actions=drawn[best], energy=energy, history=(energy,), evaluations=32)

    def describe(self):
        return {"tries": 32}
"""
"""A planner that is a plain object, with a frame and settings of its own."""


def install(
    site: Path, patch: pytest.MonkeyPatch, module: str, source: str, group: str, entry: str
) -> None:
    """Put a package with one module and one entry point `name:attribute` on the path."""
    name, attribute = entry.split(":")
    (site / f"{module}.py").write_text(source, "utf-8")
    info = site / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {module}:{attribute}\n")
    patch.syspath_prepend(site)
    patch.delitem(sys.modules, module, raising=False)


def install_examples(site: Path, patch: pytest.MonkeyPatch) -> None:
    """Install the page's examples just as the page says."""
    modules: dict[str, str] = {}
    for language, title, text in BLOCK.findall(PAGE.read_text("utf-8")):
        if language == "python":
            modules[Path(title).stem] = text
        elif found := GROUP.search(text):
            group, name, module, attribute = found.groups()
            install(site, patch, module, modules[module], group, f"{name}:{attribute}")
    assert len(modules) == 2, "the page should show a planner and a world model"

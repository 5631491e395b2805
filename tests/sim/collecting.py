"""What the tests of collection share: tiny runs, and what lies in a folder afterwards."""

from __future__ import annotations

from pathlib import Path

from armchair.sim.collect import CollectConfig
from armchair.sim.mix import MixConfig
from armchair.worldmodel.data.episodes import DroidEpisodes

ROWS = 33
STEPS = MixConfig(behaviours=(("steps", 1.0),))
TINY = CollectConfig(episodes=2, rows=ROWS)


def episodes(root: Path) -> dict[str, Path]:
    """Folders of complete episodes by their path under `root`, as readers find them."""
    return {str(h.path.relative_to(root)): h.path for h in DroidEpisodes(root)}


def content(folder: Path) -> dict[str, bytes]:
    """Bytes of every file of an episode, by name."""
    return {p.name: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}

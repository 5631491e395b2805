"""Write three raw episodes and export them, for `make test-lerobot`: <folder>/raw and /lerobot."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from armchair.cli.main import main
from armchair.sim.droid_writer import write_episode
from armchair.worldmodel.data.episodes import DroidEpisodes
from tests.factories import make_episode


def make(folder: Path) -> int:
    """Export three episodes, one with a 60 fps header, and note what LeRobot should find."""
    for index, rows in enumerate((34, 40, 36)):
        episode = make_episode(index, rows=rows, success=index > 0, task=f"task {index % 2}")
        write_episode(folder / "raw", episode, header_fps=60 if index == 1 else 15)
    expected = {}
    for number, handle in enumerate(DroidEpisodes(folder / "raw")):
        expected[f"states_{number}"] = handle.states()
        expected[f"frames_{number}"] = handle.frames(range(len(handle)))
        expected[f"task_{number}"] = np.array(handle.metadata["current_task"])
    np.savez(folder / "expected.npz", **expected)
    return main(["export", str(folder / "raw"), "--out", str(folder / "lerobot")])


if __name__ == "__main__":
    sys.exit(make(Path(sys.argv[1])))

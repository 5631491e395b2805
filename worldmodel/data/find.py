"""Where the episodes lie under a folder; part of the DROID reader."""

from __future__ import annotations

from pathlib import Path

from armchair.episode import OUTCOMES
from armchair.episode_names import TRAJECTORY
from armchair.errors import BadFileError


def find_episodes(root: Path) -> tuple[Path, ...]:
    """Return the sorted episode folders under a data folder, a lab folder or an episode folder.

    Temporary folders of unfinished writes (names that start with a dot) are skipped. A folder
    without its HDF5 file is returned all the same: reading it names what is missing. Raises
    BadFileError where there is no episode.
    """
    root = Path(root)
    if not root.is_dir():
        found = "is a file, not a folder" if root.exists() else "no such folder"
        raise BadFileError(root, found, "Give a folder of DROID-format episodes")
    if _is_episode(root):
        return (root,)
    labs = [root] if any((root / outcome).is_dir() for outcome in OUTCOMES) else root.iterdir()
    folders = sorted(
        folder
        for lab in labs
        for outcome in OUTCOMES
        for folder in lab.glob(f"{outcome}/*/*")
        if folder.is_dir() and not folder.name.startswith(".")
    )
    if not folders:
        raise BadFileError(
            root,
            "no episode found",
            "Expected <LAB>/{success,failure}/<date>/<episode>/trajectory.h5; "
            "`armchair collect` makes some",
        )
    return tuple(folders)


def _is_episode(folder: Path) -> bool:
    return (folder / TRAJECTORY).exists() or (folder / "recordings").is_dir()

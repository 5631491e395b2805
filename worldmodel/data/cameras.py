"""Which cameras an episode has, by role, and where their videos are; part of the DROID reader."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from armchair.episode_names import MP4_FOLDER
from armchair.worldmodel.data.episodes import EpisodeHandle

ROLES = ("wrist", "ext1", "ext2")


def serials(handle: EpisodeHandle) -> dict[str, str]:
    """Return the cameras' serials by role, as far as the metadata name them."""
    names = {role: handle.metadata.get(f"{role}_cam_serial") for role in ROLES}
    return {role: str(name) for role, name in names.items() if name is not None}


def video_path(handle: EpisodeHandle, role: str) -> Path | None:
    """Return where a camera's MP4 is or would be; None if the metadata do not name it."""
    name = handle.metadata.get(f"{role}_mp4_path")
    return handle.path / MP4_FOLDER / PurePosixPath(name).name if isinstance(name, str) else None


def rendered(handle: EpisodeHandle) -> dict[str, Path]:
    """Return the MP4 of every camera that has one, by role: the others were not rendered."""
    paths = {role: video_path(handle, role) for role in ROLES}
    return {role: path for role, path in paths.items() if path is not None and path.is_file()}

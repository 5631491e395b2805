"""`collect.json`: the settings that a folder of episodes was made with, so that none are mixed."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py

from armchair.episode import OUTCOMES
from armchair.episode_names import LAB, OBJECT_POSE, SIMULATION
from armchair.errors import BadFileError

MANIFEST = "collect.json"
VERSION = 1
FIX = "Choose another folder, or the settings that this one was made with"
GLIDING = ("glide", "glide_fingers")
"""Behaviours of uniform motion."""
STAGED = (*GLIDING, "rearrange")
"""Behaviours that show what no action brings about: videos for pre-training alone."""
DEPTH = 4
"""Folders from one of episodes down to an episode: laboratory, outcome, day, episode."""
Settings = dict[str, Any]


def claim(root: Path, settings: Settings) -> bool:
    """Write the settings into a new folder, or check that an old one was made with the same.

    Returns whether the folder was new.

    Raises `BadFileError` naming what differs or cannot be written; a setting that an older folder
    does not know counts as unset there. A folder from before there were manifests is judged by what
    its first episode says of itself.
    """
    path = root / MANIFEST
    wanted = json.loads(json.dumps({"version": VERSION, **settings}))
    if path.exists():
        _compare(path, _read(path), wanted)
        return False
    if (found := _seen_in_first_episode(root)) is not None:
        _compare(root, found, {name: wanted[name] for name in found})
    try:
        root.mkdir(parents=True, exist_ok=True)
        temporary = root / f".{MANIFEST}-{os.getpid()}"
        temporary.write_text(json.dumps(wanted, indent=2) + "\n", encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        reason = f"cannot be written ({error.strerror or error})"
        raise BadFileError(path, reason, "Give a folder that you may write to") from error
    return True


def staged_in(root: Path) -> dict[Path, str]:
    """Return the manifests that `settings_of` finds and that name a behaviour of `STAGED`.

    Each with the first such name.
    """
    found = {}
    for path, settings in settings_of(root).items():
        names = [name for name in STAGED if name in behaviours_of(settings)]
        if names:
            found[path] = names[0]
    return found


def settings_of(root: Path) -> dict[Path, Settings]:
    """Return the manifests that say how a folder's episodes were made, with their settings.

    Its own, those of the folders in it, and the one of the folder that it is a part of. A file that
    is no manifest says nothing.
    """
    found = {}
    above = [folder / MANIFEST for folder in root.resolve().parents[:DEPTH]]
    for path in (root / MANIFEST, *sorted(root.glob(f"*/{MANIFEST}")), *above):
        with suppress(OSError, ValueError):
            settings = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(settings, dict):
                found[path] = settings
    return found


def behaviours_of(settings: Settings) -> tuple[str, ...]:
    """Return the behaviours that a manifest's settings name; none if they do not say it."""
    try:
        return tuple(name for name, share in settings["mix"]["behaviours"] if share)
    except (TypeError, ValueError, LookupError):
        return ()


def _read(path: Path) -> Settings:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadFileError(path, f"cannot be read ({error})", FIX) from error
    if not isinstance(found, dict):
        raise BadFileError(path, "holds no settings", FIX)
    return found


def _compare(path: Path, found: Settings, wanted: Settings) -> None:
    names = [n for n in sorted({*found, *wanted}) if found.get(n) != wanted.get(n)]
    if names:
        apart = "; ".join(
            f"{name} was {_short(found.get(name))}, now {_short(wanted.get(name))}"
            for name in names
        )
        raise BadFileError(path, f"its episodes were made with other settings: {apart}", FIX)


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _seen_in_first_episode(root: Path) -> Settings | None:
    folders = (folder for outcome in OUTCOMES for folder in (root / LAB).glob(f"{outcome}/*/*"))
    for folder in sorted(folders):
        path = folder / SIMULATION
        if folder.name.startswith(".") or not path.exists():
            continue
        try:
            with h5py.File(path, locking=False) as file:
                attributes = file.attrs
                return {
                    "level": str(attributes["level"]),
                    "role": str(attributes["role"]),
                    "seed": int(attributes["seed"]),
                    "rows": len(file[OBJECT_POSE]),
                }
        except (OSError, KeyError, ValueError) as error:
            raise BadFileError(path, f"cannot be read ({error})", "Delete the episode") from error
    return None

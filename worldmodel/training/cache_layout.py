"""What a token cache says of itself, so that nothing foreign is mixed into it.

    manifest.json   layout: encoder's hash, row stride, crops, N, D, number format; per episode:
                    path, size of its video, hash of the video's ends, first frame, count

Version 1, before tokens were bfloat16, had float16 and no sizes of videos; version 2 no hashes of
them. Both are still read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from armchair.errors import BadFileError, check_least
from armchair.worldmodel.data.episodes import EpisodeHandle
from armchair.worldmodel.optimisation import atomic
from armchair.worldmodel.training.crops import CROP_SHARE, check_crops

VERSION = 3
MANIFEST = "manifest.json"
ENDS_BYTES = 1 << 16
"""Of a video's beginning and of its end, which are hashed: the whole would take long."""
Numbers = Literal["bfloat16", "float16"]
_SAID = {
    "encoder_sha256": "encoder",
    "row_stride": "row stride",
    "crops": "crops of each frame",
    "crop_share": "side of a crop",
    "tokens": "tokens of a frame",
    "width": "channels of a token",
    "numbers": "number format",
}
"""A layout's fields in words."""


@dataclass(frozen=True, kw_only=True)
class CacheConfig:
    """What of an episode is cached."""

    row_stride: int = 4
    """Rows (15 Hz) from one cached frame to the next; 4 is one model frame."""
    crops: int = 1
    """Fixed crops of each frame; 1 is the whole frame alone."""
    numbers: Numbers = "bfloat16"
    """Number format of the tokens on disk. LayerNormed tokens are small, so that float16 takes the
    same space and is eight times finer; rounding to bfloat16 is about 1 % of a frame's change."""

    def __post_init__(self) -> None:
        check_least(self, row_stride=1, crops=1)
        check_crops(self.crops)


@dataclass(frozen=True, kw_only=True)
class CachedEpisode:
    """Where an episode's frames lie in the cache."""

    path: str
    first: int
    count: int
    video_bytes: int | None = None
    """Size of the video that was encoded; None in caches of version 1."""
    video_ends: str | None = None
    """Hash of its beginning and end, see `hash_of_ends`; None in caches of version 1 and 2."""


@dataclass(frozen=True, kw_only=True)
class CacheLayout:
    """All that must agree before tokens may be appended or read."""

    encoder_sha256: str
    row_stride: int
    crops: int
    tokens: int
    """N, per frame."""
    width: int
    """D, channels."""
    numbers: Numbers = "float16"
    crop_share: float = CROP_SHARE

    @property
    def frame_bytes(self) -> int:
        """Bytes of a frame's tokens under all crops."""
        return 2 * self.crops * self.tokens * self.width


def check_same(folder: Path, found: CacheLayout, wanted: CacheLayout) -> None:
    """Raise `BadFileError`, which says what differs, unless the two layouts are the same."""
    theirs, ours = asdict(found), asdict(wanted)
    differences = [
        f"{said} {_short(theirs[name])}, wanted {_short(ours[name])}"
        for name, said in _SAID.items()
        if theirs[name] != ours[name]
    ]
    if not differences:
        return
    fix = remake(folder)
    if [name for name in _SAID if theirs[name] != ours[name]] == ["numbers"]:
        fix = f"Go on with it by --tokens.numbers {found.numbers}. Or: {fix}"
    raise BadFileError(folder, f"a token cache of another kind: {'; '.join(differences)}", fix)


def check_unchanged(folder: Path, known: CachedEpisode, episode: EpisodeHandle) -> None:
    """Raise `BadFileError` if an episode's video is not the one that was encoded."""
    size, why = episode.video_path.stat().st_size, ""
    if known.video_bytes not in (None, size):
        why = f"{known.video_bytes} bytes, now {size}"
    elif known.video_ends not in (None, hash_of_ends(episode.video_path)):
        why = "as long, with another content"
    if why:
        found = f"its tokens of {episode.path} are of another video ({why})"
        raise BadFileError(folder, found, remake(folder))


def hash_of_ends(path: Path) -> str:
    """Return a SHA-256 of a file's first and last `ENDS_BYTES`."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        digest.update(file.read(ENDS_BYTES))
        file.seek(max(path.stat().st_size - ENDS_BYTES, 0))
        digest.update(file.read(ENDS_BYTES))
    return digest.hexdigest()


def remake(folder: Path) -> str:
    """Return what to do about a cache that is of no use."""
    return f"Delete {folder} or choose another --cache: it is made again from the episodes."


def write_manifest(folder: Path, layout: CacheLayout, episodes: Sequence[CachedEpisode]) -> None:
    """Replace a cache's manifest."""
    content = {
        "layout": {**asdict(layout), "version": VERSION},
        "episodes": [asdict(episode) for episode in episodes],
    }
    atomic.write_json(folder / MANIFEST, content)


def read_manifest(folder: Path) -> tuple[CacheLayout, list[CachedEpisode]]:
    """Return what a cache holds; raises `BadFileError` if that cannot be read."""
    path = folder / MANIFEST
    try:
        content: dict[str, Any] = json.loads(path.read_text())
        version = content["layout"].pop("version")
        if version not in (1, 2, VERSION):
            raise ValueError(f"version {version} is of a later Armchair")
        layout = CacheLayout(**content["layout"])
        return layout, [CachedEpisode(**episode) for episode in content["episodes"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadFileError(
            path, f"not a token cache's manifest ({error})", remake(folder)
        ) from error


def _short(value: object) -> str:
    """Return a value in at most 12 letters: enough of a hash to tell two apart."""
    return str(value)[:12]

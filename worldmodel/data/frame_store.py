"""Videos decoded once into a flat file of small square frames, ready for random access.

    <folder>/frames.bin      (F, size, size, 3) uint8, one after the other
    <folder>/manifest.json   size, row stride, and per video: path, bytes, first frame, frame count

The manifest is replaced after the frames are on disk; what lies beyond it is rubbish of a killed
run and is overwritten. Frames are all there is: no state, no action, no label. One process writes
at a time, and whoever asks gets a view of the videos that it named, whatever else is stored.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from armchair.errors import BadFileError, check_least
from armchair.worldmodel.data.thumbnails import read_thumbnails
from armchair.worldmodel.optimisation import appended, atomic

VERSION = 1
FRAMES, MANIFEST = "frames.bin", "manifest.json"
SAVE_EVERY = 20
"""Videos between two writings of the manifest."""


@dataclass(frozen=True, kw_only=True)
class StoreConfig:
    """How frames are kept."""

    size: int = 144
    """Side of the square stored frame in pixels; a little more than the encoder's input."""
    row_stride: int = 4
    """Rows of 15 Hz from one stored frame to the next (4: 3.75 per second); videos outside of
    episodes are strided by as much time."""

    def __post_init__(self) -> None:
        check_least(self, size=1, row_stride=1)


@dataclass(frozen=True, kw_only=True)
class StoredVideo:
    """One video in the store; `bytes` tells whether the file was replaced since."""

    path: str
    bytes: int
    first: int
    count: int


class PickedFrames:
    """Frames (F, size, size, 3) uint8 that lie scattered on disk, under the numbers of a view."""

    def __init__(self, stored: NDArray[np.uint8], places: NDArray[np.int64]) -> None:
        self._stored, self._places = stored, places
        self.shape = (len(places), *stored.shape[1:])
        self.nbytes = math.prod(self.shape)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: NDArray[np.int64] | slice) -> NDArray[np.uint8]:
        found: NDArray[np.uint8] = self._stored[self._places[index]]
        return found


class FrameStore:
    """Read access to videos of a store, whose frames are numbered 0 … F - 1 in their order.

    `frames` (F, size, size, 3) uint8; `episodes` has (first, count) of each of `videos`.
    """

    def __init__(self, folder: Path, paths: Sequence[str] | None = None) -> None:
        """`paths`: resolved paths of videos in the wanted order; None: all, as they lie there.

        Raises `BadFileError` if the frames are fewer than the manifest says.
        """
        self.folder, self._paths = folder, paths
        self.config, known = _read_manifest(folder)
        self.videos, places = appended.pick(known, paths)
        self.episodes = [(v.first, v.count) for v in self.videos]
        count, size = sum(v.count for v in known), self.config.size
        bytes_known = count * size**2 * 3
        appended.check_size(folder / FRAMES, bytes_known, _remake(folder), growing=True)
        shape = (count, size, size, 3)
        stored: NDArray[np.uint8] = np.memmap(folder / FRAMES, np.uint8, "r", shape=shape)
        first, in_order = int(places[0]), bool((np.diff(places) == 1).all())
        self.frames: NDArray[np.uint8] | PickedFrames = (
            stored[first : first + len(places)] if in_order else PickedFrames(stored, places)
        )

    def __len__(self) -> int:
        return len(self.frames)

    def identity(self) -> str:
        """Return 16 letters that tell these videos, in their order, from all others."""
        sizes = json.dumps([(video.bytes, video.count) for video in self.videos])
        return hashlib.sha256(sizes.encode()).hexdigest()[:16]

    def __reduce__(self) -> tuple[type[FrameStore], tuple[Path, Sequence[str] | None]]:
        # A process opens the store anew: pickling a memory map would copy every frame.
        return FrameStore, (self.folder, self._paths)


def find_videos(folders: Iterable[Path]) -> list[Path]:
    """Return the MP4 files below the folders, sorted; their names may end in capitals, too.

    Unfinished (dotted) folders are left out, and the side-by-side <serial>-stereo.mp4 of DROID.
    """
    videos: set[Path] = set()
    for folder in folders:
        if not folder.is_dir():
            found = "is a file, not a folder" if folder.exists() else "there is no such folder"
            raise BadFileError(folder, found, "Give a folder of MP4 files.")
        for path in folder.rglob("*.[mM][pP]4"):
            if path.stem.endswith("-stereo"):
                continue
            if not any(part.startswith(".") for part in path.relative_to(folder).parts):
                videos.add(path.resolve())
    if not videos:
        places = ", ".join(str(folder) for folder in folders)
        raise BadFileError(places, "no MP4 file below it", "Run `armchair collect` first.")
    return sorted(videos)


def update_store(
    folder: Path,
    videos: Iterable[Path],
    config: StoreConfig,
    on_video: Callable[[Path], None] = lambda path: None,
    say: Callable[[str], None] = lambda line: None,
) -> FrameStore:
    """Append the videos that the store lacks and return a view of those given, in their order.

    Raises `BadFileError` on a damaged video or when the store was made with another `config`;
    what was complete before stays usable. `on_video` is called after each; `say` hears if another
    process has to finish first.
    """
    folder.mkdir(parents=True, exist_ok=True)
    asked = list(dict.fromkeys(videos))
    with appended.one_writer(folder, say):
        known: list[StoredVideo] = []
        if (folder / MANIFEST).exists():
            stored, known = _read_manifest(folder)
            if stored != config:
                raise BadFileError(
                    folder, f"made with {stored}, wanted {config}", "Choose another store folder."
                )
        have = {video.path: video.bytes for video in known}
        fresh = [path for path in asked if not _is_stored(folder, path, have.get(str(path)))]
        new = _append(folder, fresh, config, sum(v.count for v in known))
        for count, video in enumerate(new, 1):
            known.append(video)
            on_video(Path(video.path))
            if count % SAVE_EVERY == 0:
                _write_manifest(folder, config, known)
        _write_manifest(folder, config, known)
        bytes_known = sum(v.count for v in known) * config.size**2 * 3
        appended.check_size(folder / FRAMES, bytes_known, _remake(folder))
        return FrameStore(folder, [str(path) for path in asked])


def _is_stored(folder: Path, path: Path, stored_bytes: int | None) -> bool:
    """Return whether the store has this video; raises BadFileError if it was replaced since."""
    if stored_bytes is not None and path.is_file() and path.stat().st_size != stored_bytes:
        found = f"{path.stat().st_size} bytes, {stored_bytes} when its frames were stored"
        raise BadFileError(path, found, f"Delete {folder}; it is made again from the videos.")
    return stored_bytes is not None


def _append(
    folder: Path, videos: list[Path], config: StoreConfig, first: int
) -> Iterator[StoredVideo]:
    path = folder / FRAMES
    appended.cut(path, first * config.size**2 * 3, _remake(folder))
    for video in videos:
        frames = read_thumbnails(video, size=config.size, stride=config.row_stride)
        appended.append(path, frames.tobytes())
        yield StoredVideo(
            path=str(video), bytes=video.stat().st_size, first=first, count=len(frames)
        )
        first += len(frames)


def _write_manifest(folder: Path, config: StoreConfig, videos: list[StoredVideo]) -> None:
    content = {"version": VERSION, **asdict(config), "videos": [asdict(v) for v in videos]}
    atomic.write_json(folder / MANIFEST, content)


def _read_manifest(folder: Path) -> tuple[StoreConfig, list[StoredVideo]]:
    path = folder / MANIFEST
    try:
        content = json.loads(path.read_text())
        if content["version"] != VERSION:
            raise ValueError(f"version {content['version']}, expected {VERSION}")
        videos = [StoredVideo(**video) for video in content["videos"]]
        return StoreConfig(size=content["size"], row_stride=content["row_stride"]), videos
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadFileError(
            path, f"not a frame store's manifest ({error})", _remake(folder)
        ) from error


def _remake(folder: Path) -> str:
    return f"Delete the folder {folder}; it is made again from the videos."

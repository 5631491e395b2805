"""Frames out of an MP4 by row, or one line that says what is wrong; part of the DROID reader.

Frames are counted by packets, not by the header: row r is the r-th frame in display order,
whatever frame rate the header claims.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from armchair.errors import BadFileError, BadValueError
from armchair.worldmodel.data.boxes import check_whole
from armchair.worldmodel.data.trajectory import COPY_AGAIN

Image = NDArray[np.uint8]
MAX_SIDE_PX = 4096
"""Larger pictures are damage: DROID's are 1280×720, and one of 65,536² would fill the memory."""
MAX_FRAMES = 2_000_000
"""More are damage: 37 hours at 15 Hz."""
DAMAGE = (av.FFmpegError, OSError, ValueError, RuntimeError, TypeError, MemoryError, OverflowError)
"""What PyAV raises on damaged files, UnicodeDecodeError (a ValueError) among it."""
EXACT_COLOURS = 4 | 0x2000 | 0x40000 | 0x80000
"""FFmpeg's bicubic, full chroma, accurate rounding, bit-exact: its default darkens by one level."""


@dataclass(frozen=True)
class VideoIndex:
    """Presentation times of all frames in display order, and the rows that are key frames.

    `width`, `height` in pixels and `header_fps` (frames per second, 0 if unknown) are what the
    header says; the rate has no meaning for rows, which come at 15 Hz.
    """

    times: tuple[int, ...]
    key_rows: tuple[int, ...]
    width: int = 0
    height: int = 0
    header_fps: float = 0.0

    def __len__(self) -> int:
        return len(self.times)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.width, self.height


def index_video(path: Path) -> VideoIndex:
    """Read the packets' headers, without decoding; raises BadFileError if missing or cut short."""
    with _opened(path) as container:
        check_whole(path)
        stream = container.streams.video[0]
        packets = [packet for packet in islice(container.demux(stream), MAX_FRAMES) if packet.size]
        if not packets or any(packet.pts is None for packet in packets):
            raise BadFileError(path, f"{len(packets)} packets without usable times", COPY_AGAIN)
        order = sorted((int(packet.pts or 0), packet.is_keyframe) for packet in packets)
        size = stream.codec_context.width, stream.codec_context.height
        rate = float(stream.average_rate or 0)
    if not all(0 < side <= MAX_SIDE_PX for side in size):
        raise BadFileError(path, f"the header says {size[0]}×{size[1]} pixels", COPY_AGAIN)
    if not order[0][1]:
        raise BadFileError(path, "does not begin with a key frame", COPY_AGAIN)
    times = tuple(time for time, _ in order)
    keys = tuple(row for row, (_, key) in enumerate(order) if key)
    return VideoIndex(times, keys, *size, rate)


def iter_rows(path: Path, index: VideoIndex, rows: Sequence[int]) -> Iterator[Image]:
    """Yield the frames (height, width, 3) uint8 RGB of strictly increasing rows, one by one.

    Decodes straight on, and jumps to a key frame where that saves decoding. Raises BadFileError
    if a frame cannot be decoded.
    """
    row_of = {time: row for row, time in enumerate(index.times)}
    with _opened(path) as container:
        stream = container.streams.video[0]
        stream.codec_context.options = {"err_detect": "explode"}
        stream.codec_context.thread_count = 1  # workers are the parallelism
        decoder, current = container.decode(stream), -1
        reformatter = VideoReformatter()  # keeps its tables from frame to frame
        for row in rows:
            key = index.key_rows[max(0, bisect_right(index.key_rows, row) - 1)]
            if key > current + 1:
                container.seek(index.times[key], stream=stream)
                decoder = container.decode(stream)
            for frame in decoder:
                current = row_of.get(int(frame.pts or 0), len(index))
                if current >= row:
                    break
            if current != row or frame.is_corrupt or (frame.width, frame.height) != index.size:
                raise BadFileError(
                    path, f"frame {row} of {len(index)} cannot be decoded", COPY_AGAIN
                )
            yield _to_rgb(reformatter, frame)


def read_rows(path: Path, index: VideoIndex, rows: Sequence[int]) -> Image:
    """Return frames (n, height, width, 3) uint8 RGB of rows in any order, repeats allowed."""
    wanted = np.asarray(rows, dtype=np.int64)
    bad = wanted[(wanted < 0) | (wanted >= len(index))]
    if wanted.ndim != 1 or not wanted.size or bad.size:
        raise BadValueError(
            f"{path}: rows {bad[:1].tolist() or wanted.shape}, expected a list of rows "
            f"0 … {len(index) - 1}."
        )
    unique, places = np.unique(wanted, return_inverse=True)
    frames = np.stack(list(iter_rows(path, index, unique.tolist())))
    return frames if len(unique) == len(places) and (np.diff(wanted) > 0).all() else frames[places]


def _to_rgb(reformatter: VideoReformatter, frame: av.VideoFrame) -> Image:
    rgb = reformatter.reformat(frame, format="rgb24", interpolation=EXACT_COLOURS)
    return np.asarray(rgb.to_ndarray(), dtype=np.uint8)


@contextmanager
def _opened(path: Path) -> Iterator[InputContainer]:
    """Open a video; whatever PyAV raises inside becomes a BadFileError."""
    if not path.is_file():
        raise BadFileError(path, "the file is missing", COPY_AGAIN)
    try:
        with av.open(str(path)) as container:
            if not container.streams.video or container.streams.video[0].codec_context is None:
                raise BadFileError(path, "holds no video stream", COPY_AGAIN)
            yield container
    except DAMAGE as error:
        words = getattr(error, "strerror", None) or str(error)
        found = f"not a whole video of {path.stat().st_size} bytes ({words})"
        raise BadFileError(path, " ".join(found.split()), COPY_AGAIN) from error

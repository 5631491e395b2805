"""Frames out of an MP4 by row, or one line that says what is wrong; part of the DROID reader.

Frames are counted by packets, not by the header: row r is the r-th frame in display order,
whatever frame rate the header claims.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from armchair.errors import BadFileError, BadValueError
from armchair.worldmodel.data.trajectory import COPY_AGAIN

Image = NDArray[np.uint8]
EXACT_COLOURS = 4 | 0x2000 | 0x40000 | 0x80000
"""FFmpeg's bicubic, full chroma, accurate rounding, bit-exact: its default darkens by one level."""


@dataclass(frozen=True)
class VideoIndex:
    """Presentation times of all frames in display order, and the rows that are key frames."""

    times: tuple[int, ...]
    key_rows: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.times)


def index_video(path: Path) -> VideoIndex:
    """Read the packets' headers, without decoding; raises BadFileError if missing or cut short."""
    with _opened(path) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        if not packets or any(packet.pts is None for packet in packets):
            raise BadFileError(path, f"{len(packets)} packets without usable times", COPY_AGAIN)
        order = sorted((int(packet.pts or 0), packet.is_keyframe) for packet in packets)
    times = tuple(time for time, _ in order)
    return VideoIndex(times, tuple(row for row, (_, key) in enumerate(order) if key))


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
            if current != row or frame.is_corrupt:
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
            if not container.streams.video:
                raise BadFileError(path, "holds no video stream", COPY_AGAIN)
            yield container
    except av.FFmpegError as error:
        raise BadFileError(
            path,
            f"not a whole video of {path.stat().st_size} bytes ({error.strerror})",
            COPY_AGAIN,
        ) from error

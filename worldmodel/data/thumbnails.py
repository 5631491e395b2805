"""Decode a video into a few small square frames; the whole of `frame_store`'s contact with PyAV."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from armchair.errors import BadFileError
from armchair.worldmodel.data.video import DAMAGE
from armchair.worldmodel.pixels import ASPECT_LIMITS


def read_thumbnails(path: Path, *, size: int, stride: int) -> NDArray[np.uint8]:
    """Return every `stride`-th frame of a video as (T, size, size, 3) uint8 RGB.

    A frame is cropped centrally to a width / height within `ASPECT_LIMITS`, then resized by area.
    Raises `BadFileError` if the file cannot be decoded to its end.
    """
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            frames = [
                _thumbnail(frame, size)
                for index, frame in enumerate(container.decode(stream))
                if index % stride == 0
            ]
    except (*DAMAGE, IndexError, AttributeError) as error:  # no stream, no codec
        raise BadFileError(
            path, f"cannot be decoded ({error})", "Delete it, or collect the episode again."
        ) from error
    if not frames:
        raise BadFileError(path, "holds no frame", "Delete it, or collect the episode again.")
    return np.stack(frames)


def _thumbnail(frame: av.VideoFrame, size: int) -> NDArray[np.uint8]:
    narrowest, widest = ASPECT_LIMITS
    keep_w = min(frame.width, frame.height * widest)
    keep_h = min(frame.height, frame.width / narrowest)
    width = max(round(frame.width * size / keep_w), size)
    height = max(round(frame.height * size / keep_h), size)
    small = frame.reformat(width=width, height=height, format="rgb24", interpolation="AREA")
    top, left = (height - size) // 2, (width - size) // 2
    pixels = np.asarray(small.to_ndarray(), dtype=np.uint8)
    return pixels[top : top + size, left : left + size]

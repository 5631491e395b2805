"""Decode a video into a few small square frames; the whole of `frame_store`'s contact with PyAV."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from armchair.episode import ROWS_PER_SECOND
from armchair.episode_names import TRAJECTORY
from armchair.errors import BadFileError
from armchair.worldmodel.data.boxes import check_whole
from armchair.worldmodel.data.video import DAMAGE
from armchair.worldmodel.pixels import ASPECT_LIMITS


def read_thumbnails(path: Path, *, size: int, stride: int) -> NDArray[np.uint8]:
    """Return frames of a video `stride` / 15 seconds apart as (T, size, size, 3) uint8 RGB.

    That is every `stride`-th row of an episode, whatever rate its header says (released DROID files
    say 60 fps over 15 Hz rows); other videos are taken at their header's word. A frame is cropped
    centrally to a width / height within `ASPECT_LIMITS`, then resized by area.
    Raises `BadFileError` if the file cannot be decoded to its end.
    """
    try:
        with av.open(str(path)) as container:
            check_whole(path)
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            stream.codec_context.options = {"err_detect": "explode"}
            step, frames = _step(path, stream.average_rate, stride), list[NDArray[np.uint8]]()
            for index, frame in enumerate(container.decode(stream)):
                if index == round(len(frames) * step):
                    frames.append(_thumbnail(frame, size))
    except (*DAMAGE, IndexError, AttributeError) as error:  # no stream, no codec
        raise BadFileError(
            path, f"cannot be decoded ({error})", "Delete it, or collect the episode again."
        ) from error
    if not frames:
        raise BadFileError(path, "holds no frame", "Delete it, or collect the episode again.")
    return np.stack(frames)


def _step(video: Path, rate: Fraction | None, stride: int) -> float:
    """Return how many frames of a video, 1 or more, are `stride` rows of 15 Hz."""
    of_episode = any((folder / TRAJECTORY).exists() for folder in video.parents[:3])
    if of_episode or not rate:
        return stride
    return max(stride * float(rate) / ROWS_PER_SECOND, 1.0)


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

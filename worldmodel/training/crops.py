"""The few fixed crops under which an episode may be cached; the first is always the whole frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from armchair.errors import BadValueError

CROP_SHARE = 0.9
"""Side of a crop as a share of the frame: enough to shift the grid by most of a patch."""
CORNERS = ((0.5, 0.5), (0.0, 0.0), (1.0, 1.0), (0.0, 1.0), (1.0, 0.0))
"""Places (down, across) of the crops after the whole frame, as shares of the room they have."""
MAX_CROPS = 1 + len(CORNERS)


def check_crops(count: int) -> None:
    """Raise `BadValueError` unless there are so many crops."""
    if not 1 <= count <= MAX_CROPS:
        raise BadValueError(f"crops is {count}; there are 1 to {MAX_CROPS}.")


def fixed_crops(frames: NDArray[np.uint8], count: int) -> list[NDArray[np.uint8]]:
    """Return `count` views of frames (B, H, W, 3): the whole, then smaller ones at fixed places."""
    check_crops(count)
    height, width = frames.shape[1:3]
    tall, wide = round(height * CROP_SHARE), round(width * CROP_SHARE)
    views = [frames]
    for down, across in CORNERS[: count - 1]:
        top, left = round((height - tall) * down), round((width - wide) * across)
        views.append(frames[:, top : top + tall, left : left + wide])
    return views

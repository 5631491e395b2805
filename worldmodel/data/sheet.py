"""A contact sheet: one line of left-camera frames per episode, start to end."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from armchair.worldmodel.data.episodes import EpisodeHandle

GAP_PX = 4


def contact_sheet(
    handles: Sequence[EpisodeHandle], columns: int = 8, height_px: int = 128
) -> NDArray[np.uint8]:
    """Return a picture (H, W, 3) RGB of `columns` frames of each episode, evenly spaced in time.

    Every frame is scaled to `height_px`; lines of narrower videos end in white.
    """
    lines = [_line(handle, columns, height_px) for handle in handles]
    width = max(line.shape[1] for line in lines)
    sheet = np.full((len(lines) * (height_px + GAP_PX), width, 3), 255, dtype=np.uint8)
    for place, line in enumerate(lines):
        top = place * (height_px + GAP_PX)
        sheet[top : top + height_px, : line.shape[1]] = line
    return sheet


def _line(handle: EpisodeHandle, columns: int, height_px: int) -> NDArray[np.uint8]:
    rows = np.linspace(0, handle.length - 1, columns).round().astype(int)
    frames = handle.frames(rows.tolist())
    width = round(frames.shape[2] * height_px / frames.shape[1])
    gap = np.full((height_px, GAP_PX, 3), 255, dtype=np.uint8)
    parts: list[NDArray[np.uint8]] = []
    for frame in frames:
        scaled = Image.fromarray(frame).resize((width, height_px), Image.Resampling.BOX)
        parts += [np.asarray(scaled), gap]
    return np.concatenate(parts, axis=1)

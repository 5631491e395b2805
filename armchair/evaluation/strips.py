"""Rows of frames, each with its name, as one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

SIDE = 160
"""Pixels of a frame in the picture."""
GAP, LEFT, TOP = 4, 150, 24
BACKGROUND, INK = "white", "black"


def draw_strips(path: Path, rows: Mapping[str, NDArray[np.uint8]], columns: Sequence[str]) -> None:
    """Write a PNG: one named row per entry of frames (T, S, S, 3), one named column per time."""
    longest = max(len(frames) for frames in rows.values())
    size = (LEFT + longest * (SIDE + GAP), TOP + len(rows) * (SIDE + GAP))
    picture = Image.new("RGB", size, BACKGROUND)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(size=14)
    for index, name in enumerate(columns[:longest]):
        pen.text((LEFT + index * (SIDE + GAP), 4), name, fill=INK, font=font)
    for line, (name, frames) in enumerate(rows.items()):
        top = TOP + line * (SIDE + GAP)
        pen.multiline_text((6, top + SIDE // 2 - 10), name, fill=INK, font=font)
        for index, frame in enumerate(frames):
            tile = Image.fromarray(frame).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
            picture.paste(tile, (LEFT + index * (SIDE + GAP), top))
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)

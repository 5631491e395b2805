"""A contact sheet: a line of frames per episode and camera, start to end, under a caption."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from armchair.worldmodel.data import video
from armchair.worldmodel.data.cameras import rendered
from armchair.worldmodel.data.episodes import EpisodeHandle

GAP_PX = 4
CAPTION_PX = 16


def contact_sheet(
    handles: Sequence[EpisodeHandle],
    columns: int = 8,
    height_px: int = 128,
    all_cameras: bool = False,
) -> NDArray[np.uint8]:
    """Return a picture (H, W, 3) RGB of `columns` frames of each episode, evenly spaced in time.

    The left camera's, or those of all that were rendered. Every frame is scaled to `height_px`;
    lines of narrower videos end in white.
    """
    lines = [line for handle in handles for line in _lines(handle, columns, height_px, all_cameras)]
    width = max(line.shape[1] for line in lines)
    sheet = np.full((sum(map(len, lines)), width, 3), 255, dtype=np.uint8)
    top = 0
    for line in lines:
        sheet[top : top + len(line), : line.shape[1]] = line
        top += len(line)
    return sheet


def _lines(
    handle: EpisodeHandle, columns: int, height_px: int, all_cameras: bool
) -> list[NDArray[np.uint8]]:
    """Return one strip (height, width, 3) per camera; the first stands under the caption."""
    paths = rendered(handle) if all_cameras else {"left": handle.video_path}
    strips: list[NDArray[np.uint8]] = []
    for role, path in paths.items():
        index = video.index_video(path)
        rows = np.linspace(0, len(index) - 1, columns).round().astype(int)
        strip = _strip(video.read_rows(path, index, rows.tolist()), height_px)
        left = ", left" if all_cameras and path == handle.video_path else ""
        text = f"{handle.path.name}   {_about(handle)}   " if not strips else ""
        caption = _caption(f"{text}camera {path.stem} ({role}{left})", strip.shape[1])
        strips.append(np.concatenate([caption, strip]))
    return strips


def _about(handle: EpisodeHandle) -> str:
    outcome = "success" if handle.metadata.get("success") else "failure"
    return f"{outcome}   {handle.seconds:.1f} s   {handle.metadata.get('current_task')}"


def _strip(frames: NDArray[np.uint8], height_px: int) -> NDArray[np.uint8]:
    width = round(frames.shape[2] * height_px / frames.shape[1])
    right = np.full((height_px, GAP_PX, 3), 255, dtype=np.uint8)
    below = np.full((GAP_PX, len(frames) * (width + GAP_PX), 3), 255, dtype=np.uint8)
    parts: list[NDArray[np.uint8]] = []
    for frame in frames:
        scaled = Image.fromarray(frame).resize((width, height_px), Image.Resampling.BOX)
        parts += [np.asarray(scaled), right]
    return np.concatenate([np.concatenate(parts, axis=1), below])


def _caption(text: str, width: int) -> NDArray[np.uint8]:
    picture = Image.new("RGB", (width, CAPTION_PX), "white")
    font = ImageFont.load_default(size=11)
    ImageDraw.Draw(picture).text((2, 1), text, fill="black", font=font)
    return np.asarray(picture)

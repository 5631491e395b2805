"""Tiny MP4 files."""

from __future__ import annotations

from pathlib import Path

import av

from tests.factories import smooth_frames


def write_video(path: Path, frames: int = 20, size: int = 64, seed: int = 0, fps: int = 15) -> None:
    """Write an MP4 of a disc that moves over a gradient."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width = stream.height = size
        stream.pix_fmt = "yuv420p"
        for picture in smooth_frames(frames, size, seed):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())

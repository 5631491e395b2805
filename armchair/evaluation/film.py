"""Pictures in a row to an MP4 for people; episodes' own videos are `sim.droid_video`'s."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
from numpy.typing import NDArray


def write_film(path: Path, pictures: Sequence[NDArray[np.uint8]], fps: int) -> None:
    """Write pictures (height, width, 3), both sides even, as an H.264 film, folder included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    imageio.imwrite(
        path,
        np.stack(pictures),
        plugin="pyav",
        codec="libx264",
        fps=fps,
        out_pixel_format="yuv420p",
    )

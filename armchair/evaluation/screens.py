"""Where a live episode is shown: a window where there is a display, else an MP4 that grows."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Protocol

import av
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from armchair.evaluation.watching import DOTS_PER_INCH, SIZE_INCHES

FPS = 4
FRAGMENTED = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "flush_packets": "1"}
"""Every key frame closes a fragment: players open the file while it is written."""


class Screen(Protocol):
    """Something that a figure is shown on."""

    figure: Figure

    def show(self) -> None:
        """Show the figure as it is now."""
        ...

    def close(self) -> None:
        """Finish."""
        ...


class FilmScreen:
    """An MP4 with a second per picture that can be played while it grows."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.figure = Figure(figsize=SIZE_INCHES, dpi=DOTS_PER_INCH)
        self._canvas: Any = FigureCanvasAgg(self.figure)
        self._container: Any = av.open(str(path), "w", format="mp4", options=FRAGMENTED)
        self._stream: Any = self._container.add_stream(
            "libx264", rate=FPS, options={"preset": "superfast", "g": "1", "tune": "zerolatency"}
        )
        self._stream.pix_fmt = "yuv420p"
        self._stream.width = round(SIZE_INCHES[0] * DOTS_PER_INCH)
        self._stream.height = round(SIZE_INCHES[1] * DOTS_PER_INCH)

    def show(self) -> None:
        """Write the figure as one more second."""
        self._canvas.draw()
        picture = np.array(self._canvas.buffer_rgba(), dtype=np.uint8)[..., :3]
        for _ in range(FPS):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Write what is left and close the file."""
        self._container.mux(self._stream.encode(None))
        self._container.close()


class WindowScreen:
    """A matplotlib window."""

    def __init__(self) -> None:
        import matplotlib.pyplot as pyplot

        self._pyplot: Any = pyplot
        self.figure: Figure = pyplot.figure(figsize=SIZE_INCHES, dpi=DOTS_PER_INCH)
        pyplot.show(block=False)

    def show(self) -> None:
        """Show the figure and let the window breathe."""
        self.figure.canvas.draw_idle()
        self._pyplot.pause(0.01)

    def close(self) -> None:
        """Close the window."""
        self._pyplot.close(self.figure)


def open_screen(path: Path, *, window: bool) -> Screen:
    """Return a window if one is wanted and can be opened, else a film at `path`."""
    return WindowScreen() if window and windows_open() else FilmScreen(path)


def windows_open() -> bool:
    """Return whether matplotlib can open windows here."""
    display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if sys.platform.startswith("linux") and not display:
        return False
    import matplotlib
    import matplotlib.pyplot as pyplot

    try:
        pyplot.close(pyplot.figure())  # the backend is chosen, and fails, on the first figure
    except (ImportError, RuntimeError):
        return False
    return matplotlib.get_backend().lower() not in {"agg", "pdf", "svg", "ps", "cairo", "template"}

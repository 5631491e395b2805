"""A window on the simulation: MuJoCo's viewer, opened where there is a display, closed in order."""

from __future__ import annotations

import atexit
import os
import threading
import warnings

import mujoco

from armchair.errors import ArmchairError

CLOSING_S = 10.0
"""How long to wait for the viewer's thread; it ends within a picture or two."""


class Window:
    """MuJoCo's passive viewer. Raises `ArmchairError` where no window can be opened."""

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        if not _can_open_windows():  # the viewer would end the whole process
            raise ArmchairError(
                "render_mode='human': no window can be opened here, DISPLAY is "
                f"{os.environ.get('DISPLAY', '')!r}. Set it to a display that runs (or start under "
                "`xvfb-run`), or use render_mode='rgb_array'."
            )
        import mujoco.viewer

        others = set(threading.enumerate())
        self._viewer = mujoco.viewer.launch_passive(model, data)
        self._threads = set(threading.enumerate()) - others
        atexit.register(self.close)  # runs before GLFW's own exit handler, which was there first

    def update(self) -> None:
        """Show the present moment."""
        self._viewer.sync()

    def close(self) -> None:
        """Close the window and wait for the thread that draws: GLFW must outlive it."""
        atexit.unregister(self.close)
        self._viewer.close()
        for thread in self._threads:
            thread.join(CLOSING_S)


def _can_open_windows() -> bool:
    import glfw

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", glfw.GLFWError)
        return bool(glfw.init())

"""The simulated arm as the environments' robot: scenes made at a level of variety, and a window."""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np

from armchair.errors import ArmchairError
from armchair.sim.arm import SimArm
from armchair.sim.randomise import LEVELS, randomise

NO_DISPLAY = (
    "render_mode='human': no window can be opened here, DISPLAY is {display!r}. Set it to a "
    "display that runs (or start under `xvfb-run`), or use render_mode='rgb_array'."
)


class SimRobot(SimArm):
    """A `SimArm` with scenes and a window; fits `armchair.envs.robot.Robot`."""

    _window: Any = None

    def new_scene(self, level: str, rng: np.random.Generator) -> None:
        """Reset the arm to DROID's reset pose and dress the scene at a named level."""
        self.reset()
        randomise(self, LEVELS[level], rng)

    def show(self) -> None:
        """Open MuJoCo's viewer on the first call, then keep it up to date."""
        if self._window is None:
            if not _can_open_windows():  # the viewer would end the whole process
                raise ArmchairError(NO_DISPLAY.format(display=os.environ.get("DISPLAY", "")))
            import mujoco.viewer

            self._window = mujoco.viewer.launch_passive(self.model, self.data)
        self._window.sync()

    def close(self) -> None:
        """Close the window and free the GL context."""
        if self._window is not None:
            self._window.close()
            self._window = None
        super().close()


def _can_open_windows() -> bool:
    import glfw

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", glfw.GLFWError)
        return bool(glfw.init())

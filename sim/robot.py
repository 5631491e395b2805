"""The simulated arm as the environments' robot: scenes made at a level of variety, and a window."""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np

from armchair.errors import ArmchairError
from armchair.sim.arm import SimArm
from armchair.sim.randomise import LEVELS, randomise

NO_DISPLAY = (
    "render_mode='human': DISPLAY is not set, so no window can be opened. Set it, or use "
    "render_mode='rgb_array'."
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
            if sys.platform == "linux" and not {"DISPLAY", "WAYLAND_DISPLAY"} & set(os.environ):
                raise ArmchairError(NO_DISPLAY)  # GLFW would end the whole process
            import mujoco.viewer

            self._window = mujoco.viewer.launch_passive(self.model, self.data)
        self._window.sync()

    def close(self) -> None:
        """Close the window and free the GL context."""
        if self._window is not None:
            self._window.close()
            self._window = None
        super().close()

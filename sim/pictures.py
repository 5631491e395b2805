"""Pictures of the scene: one GL context per arm, made lazily in the process that renders."""

from __future__ import annotations

import atexit

import mujoco
import numpy as np
from numpy.typing import NDArray

from armchair.sim.meshes import VISUAL_GROUP

FRAME_SIZE = 256
"""Pixels, height and width."""


class Painter:
    """Draws uint8 (size, size, 3) pictures from named cameras."""

    def __init__(self, model: mujoco.MjModel, size: int = FRAME_SIZE) -> None:
        self._renderer = mujoco.Renderer(model, size, size)
        # The floor's reflectance of 1 % would have everything drawn twice; nobody sees it.
        self._renderer.scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = 0
        # Closed before EGL's own exit handler runs; afterwards it would complain on stderr.
        atexit.register(self.close)
        self._options = mujoco.MjvOption()
        self._options.geomgroup[:] = 0
        self._options.geomgroup[VISUAL_GROUP] = 1
        self._options.sitegroup[:] = 0

    def draw(self, data: mujoco.MjData, camera: str) -> NDArray[np.uint8]:
        """Return the picture of a named camera, upright, RGB."""
        self._renderer.update_scene(data, camera, self._options)
        return np.asarray(self._renderer.render(), dtype=np.uint8)

    def close(self) -> None:
        """Free the GL context."""
        atexit.unregister(self.close)
        self._renderer.close()

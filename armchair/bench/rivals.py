"""robosuite's own camera observations, to measure ours against: its render context, its calls."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from armchair.sim.meshes import VISUAL_GROUP


class RobosuiteCamera:
    """Draws a compiled scene as robosuite's environments do for a camera observation."""

    def __init__(self, model: mujoco.MjModel) -> None:
        from robosuite.utils.binding_utils import MjRenderContextOffscreen, MjSim

        self._sim = MjSim(model)
        context = MjRenderContextOffscreen(self._sim, device_id=-1)
        context.vopt.geomgroup[:] = 0  # robosuite: no collision meshes; nor its target markers
        context.vopt.geomgroup[VISUAL_GROUP] = 1

    def pose(self, positions: NDArray[np.float64]) -> None:
        """Put the scene into joint positions (nq,)."""
        self._sim.data._data.qpos[:] = positions
        self._sim.forward()

    def frame(self, camera: str, size: int) -> NDArray[np.uint8]:
        """Return a picture, uint8 (size, size, 3), upright."""
        picture = self._sim.render(camera_name=camera, width=size, height=size)
        return np.asarray(picture[::-1], dtype=np.uint8)

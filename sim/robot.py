"""The simulated arm as the environments' robot: scenes made at a level of variety, and a window."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from armchair.sim.arm import SimArm
from armchair.sim.randomise import LEVELS, Level, randomise
from armchair.sim.scene import SceneConfig
from armchair.sim.window import Window


class SimRobot(SimArm):
    """A `SimArm` with scenes and a window; fits `armchair.envs.robot.Robot`."""

    _window: Window | None = None

    def __init__(self, config: SceneConfig | None = None) -> None:
        super().__init__(config)
        self._given = self.config

    def new_scene(self, level: str, rng: np.random.Generator) -> None:
        """Reset the arm to DROID's reset pose and dress the scene at a named level.

        Raises `UnknownNameError` for a level that is not registered.
        """
        self._compile_for(LEVELS[level])
        self.reset()
        randomise(self, LEVELS[level], rng)

    def show(self) -> None:
        """Open a window on the first call, then keep it up to date."""
        if self._window is None:
            self._window = Window(self.model, self.data)
        self._window.update()

    def _compile_for(self, level: Level) -> None:
        """Take the scene with patterns and distractors where the level has some, else as given."""
        variety = level.varied or self._given.variety
        if variety != self.config.variety:
            self.close()
            super().__init__(replace(self._given, variety=variety))

    def close(self) -> None:
        """Close the window and free the GL context."""
        if self._window is not None:
            self._window.close()
            self._window = None
        super().close()

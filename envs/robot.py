"""What an environment asks of an arm, simulated or real; the arm's side never imports this."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Robot(Protocol):
    """An arm with one exterior camera. Poses in the base frame, metres and radians."""

    def new_scene(self, level: str, rng: np.random.Generator) -> None:
        """Return home and make a fresh scene (on a real arm: what the operator laid out)."""

    def state(self) -> Array:
        """Return the measured state (7,), see `armchair.poses`."""

    def frame(self) -> NDArray[np.uint8]:
        """Return the exterior camera's picture, uint8 (height, width, 3)."""

    def move(self, action: Array) -> int:
        """Blocking move by a change of state (7,); returns the rows (1/15 s) that it took."""

    def hold(self, seconds: float) -> None:
        """Keep pose and gripper command for a time."""

    def drive_to(self, position: Array, closed: float = 0.0) -> float:
        """Blocking absolute move to a flange position (3,); returns the error left in metres."""

    def show(self) -> None:
        """Draw the present moment in a window; raises ArmchairError where there is no display."""

    def close(self) -> None:
        """Free windows, GL contexts and connections."""

"""Where the cameras stand, as named data with reasons; poses in the robot's base frame.

Camera angle is a clockwise position about the table centre: 0° at the robot base, 90° on the
robot's left (+y), after appendix B.4 of the V-JEPA 2 paper.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from armchair.errors import BadValueError
from armchair.poses import matrix_to_euler
from armchair.registry import Registry

Array = NDArray[np.float64]

LEFT_SERIAL, RIGHT_SERIAL, WRIST_SERIAL = "24400334", "25455306", "17225336"
"""Numeric strings, as DROID's: the left exterior, right exterior and wrist camera."""


@dataclass(frozen=True, kw_only=True)
class CameraPlacement:
    """A camera that looks at a point: metres, degrees, base frame.

    Raises `BadValueError` when the camera would stand below the table.
    """

    angle_deg: float = 65.0
    """Clockwise about the table centre; DROID-like left cameras lie between 35 and 85."""
    elevation_deg: float = 27.0
    """High enough to see a box behind the fingers, low enough to see their height."""
    distance_m: float = 0.86
    """Near enough that gripper and object fill a good part of the picture."""
    look_at: tuple[float, float, float] = (0.47, 0.0, 0.26)
    """The middle of the volume in which flange and fingers move."""
    fovy_deg: float = 42.0
    offset_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Added to the position: the jitter of a randomisation level."""

    def __post_init__(self) -> None:
        if not 0.0 < self.elevation_deg < 90.0:
            raise BadValueError(
                f"camera elevation {self.elevation_deg}° is outside 0…90°; raise the camera above "
                "the table."
            )

    @property
    def position(self) -> Array:
        """Position (3,) in metres."""
        angle, elevation = np.deg2rad(self.angle_deg), np.deg2rad(self.elevation_deg)
        direction = [
            -np.cos(angle) * np.cos(elevation),
            np.sin(angle) * np.cos(elevation),
            np.sin(elevation),
        ]
        offset = np.array(self.offset_m)
        return np.asarray(self.look_at + self.distance_m * np.array(direction) + offset)

    @property
    def rotation(self) -> Array:
        """Rotation (3, 3) of the OpenGL camera: x right, y up, looking along -z."""
        backward = self.position - np.array(self.look_at)
        backward /= np.linalg.norm(backward)
        right = np.cross([0.0, 0.0, 1.0], backward)
        right /= np.linalg.norm(right)
        return np.stack([right, np.cross(backward, right), backward], axis=1)

    @property
    def mirrored(self) -> CameraPlacement:
        """The placement on the other side of the robot: the right camera of a left one."""
        x, y, z = self.look_at
        return replace(self, angle_deg=-self.angle_deg, look_at=(x, -y, z))

    def jittered(self, offset_m: Array, look_at_offset_m: Array) -> CameraPlacement:
        """Return the placement moved and turned a little; both offsets (3,) in metres."""
        x, y, z = (float(v) for v in np.array(self.look_at) + look_at_offset_m)
        ox, oy, oz = (float(v) for v in offset_m)
        return replace(self, look_at=(x, y, z), offset_m=(ox, oy, oz))


LEFT = CameraPlacement()
RIGHT = LEFT.mirrored
"""The mirror of the left one; rendered on demand only."""
LEFT_ELEVATED = CameraPlacement(
    angle_deg=50.0,
    elevation_deg=38.0,
    distance_m=1.4,
    look_at=(0.46, 0.0, 0.21),
    fovy_deg=24.5,
)
"""Sees every direction about alike: a centimetre along x, y and z is 3.7, 3.4 and 3.6 of 256
pixels, against 3.6, 2.3 and 3.6 from `LEFT`, where y is mostly depth. Keeps flange positions of
0.36–0.60 × ±0.18 × 0.22–0.42 m and fingertips on the table in the picture."""
PLACEMENTS: Registry[CameraPlacement] = Registry("placement")
"""Where a left camera may stand; the right one is its mirror."""
PLACEMENTS.add("left")(LEFT)
PLACEMENTS.add("elevated")(LEFT_ELEVATED)
STANDARD_PLACEMENT = "elevated"
"""Where it stands in the benchmark, and in the shipped model's training."""


def extrinsics(position: Array, gl_rotation: Array) -> Array:
    """Return DROID's camera pose (6,): xyz metres and extrinsic xyz Euler radians, OpenCV axes."""
    flip = np.diag([1.0, -1.0, -1.0])  # OpenGL looks along -z with y up; OpenCV along +z, y down
    return np.concatenate([position, matrix_to_euler(gl_rotation @ flip)])


def intrinsics(fovy_deg: float, height: int, width: int) -> Array:
    """Return the pinhole matrix (3, 3) in pixels."""
    focal = 0.5 * height / np.tan(np.deg2rad(fovy_deg) / 2)
    return np.array([[focal, 0.0, width / 2], [0.0, focal, height / 2], [0.0, 0.0, 1.0]])

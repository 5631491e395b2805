"""Things that stand about on the table and mean nothing: only seen, beside the arm's workspace.

They have no physics. Where they stand, neither the hand nor the object ever comes.
"""

from __future__ import annotations

import mujoco
import numpy as np

COUNT = 6
AWAY_Z_M = -3.0
"""Below the floor: not to be seen."""
SHAPES = (
    mujoco.mjtGeom.mjGEOM_BOX,
    mujoco.mjtGeom.mjGEOM_CYLINDER,
    mujoco.mjtGeom.mjGEOM_ELLIPSOID,
    mujoco.mjtGeom.mjGEOM_CAPSULE,
)
HALF_SIZE_M = (0.015, 0.06)
SIDES = (((0.20, 0.95), (0.36, 0.62)), ((0.20, 0.95), (-0.62, -0.36)), ((0.80, 1.0), (-0.6, 0.6)))
"""Ranges of x and y, metres, left, right and beyond of where the arm works."""


def add_distractors(spec: mujoco.MjSpec) -> None:
    """Add things without joints or contacts, out of sight."""
    for number in range(COUNT):
        body = spec.worldbody.add_body(name=f"distractor{number}", pos=[0, 0, AWAY_Z_M])
        geom = body.add_geom(type=SHAPES[0], size=[0.03, 0.03, 0.03], group=1, mass=0.0)
        geom.name, geom.contype, geom.conaffinity = f"distractor{number}", 0, 0


def distractor_geoms(model: mujoco.MjModel) -> list[int]:
    """Return the geom ids of the things; none where none were compiled in."""
    kind = mujoco.mjtObj.mjOBJ_GEOM
    ids = [mujoco.mj_name2id(model, kind, f"distractor{number}") for number in range(COUNT)]
    return [number for number in ids if number >= 0]


def place_distractors(model: mujoco.MjModel, most: int, rng: np.random.Generator) -> None:
    """Stand up to `most` things of random shape, size, turn and colour on the table."""
    geoms = distractor_geoms(model)
    shown = int(rng.integers(0, min(most, len(geoms)) + 1))
    for number, geom in enumerate(geoms):
        body = model.geom_bodyid[geom]
        model.body_pos[body] = [0.0, 0.0, AWAY_Z_M]
        if number < shown:
            _stand(model, geom, rng)


def _stand(model: mujoco.MjModel, geom: int, rng: np.random.Generator) -> None:
    body = model.geom_bodyid[geom]
    shape = SHAPES[int(rng.integers(len(SHAPES)))]
    size = rng.uniform(*HALF_SIZE_M, 3)
    if shape == mujoco.mjtGeom.mjGEOM_CAPSULE:  # lies on its side
        height, lying = size[0], True
    else:
        height = size[1] if shape == mujoco.mjtGeom.mjGEOM_CYLINDER else size[2]
        lying = False
    turn = rng.uniform(0, np.pi)
    yaw = np.array([np.cos(turn / 2), 0.0, 0.0, np.sin(turn / 2)])
    side = np.array([np.sqrt(0.5), 0.0, np.sqrt(0.5), 0.0])
    quaternion = yaw.copy()
    if lying:
        mujoco.mju_mulQuat(quaternion, yaw, side)
    (x_low, x_high), (y_low, y_high) = SIDES[int(rng.integers(len(SIDES)))]
    model.geom_type[geom], model.geom_size[geom] = shape, size
    model.geom_rbound[geom] = 2 * np.linalg.norm(size)
    model.geom_rgba[geom] = [*rng.uniform(0.05, 0.95, 3), 1.0]
    model.body_pos[body] = [rng.uniform(x_low, x_high), rng.uniform(y_low, y_high), height]
    model.body_quat[body] = quaternion

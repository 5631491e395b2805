"""Stands arm and hand somewhere without moving them there: for videos that are drawn, not acted."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from armchair.sim.arm import RESET_JOINTS, SimArm

Array = NDArray[np.float64]

RADIAN_M = 0.2
"""Metres that a radian of the hand's turn counts as."""
POSTURE_M = 1e-3
"""Metres that a radian away from the reset pose counts as, for each joint: settles the elbow."""
EXACT_M = 0.002


def stand(arm: SimArm, position: Array, rotation: Array, closed: float) -> bool:
    """Put the flange to a position (3,), metres, and rotation (3, 3), the fingers to a closedness.

    All at rest, and commanded to stay. Begins with the joints as they are, so that a short way
    takes the elbow a short way. Returns whether the joints' limits let the flange get within 2 mm.
    """
    model, data, joints = arm.model, arm.data, arm.joint_qpos
    limits = model.jnt_range[model.dof_jntid[arm.joint_dofs]].T

    def missing(angles: Array) -> Array:
        data.qpos[joints] = angles
        mujoco.mj_kinematics(model, data)
        away = position - arm.flange_position
        turn = Rotation.from_matrix(rotation @ arm.flange_rotation.T).as_rotvec()
        return np.concatenate([away, RADIAN_M * turn, POSTURE_M * (angles - RESET_JOINTS)])

    start = np.clip(data.qpos[joints], limits[0] + 1e-6, limits[1] - 1e-6)
    error = missing(least_squares(missing, start, bounds=limits, xtol=1e-6).x)[:6]
    arm.hand.put(model, data, closed)
    data.qvel[:] = 0.0
    mujoco.mj_forward(model, data)
    arm.command_position, arm.command_rotation = position.copy(), rotation.copy()
    arm.command_gripper = closed
    return bool(np.linalg.norm(error) < EXACT_M)

"""The Robotiq 2F-85 as a number: 0 open … 1 closed, from its two outer knuckle joints.

Command rule (every mover uses it): |delta| < 0.05 keeps the last command, so that a held object is
not let go by every zero action; a closing delta commands a little more than asked, to squeeze.
"""

from __future__ import annotations

import itertools

import mujoco
import numpy as np
from numpy.typing import NDArray

KNUCKLE_JOINTS = ("gripper0_finger_joint", "gripper0_right_outer_knuckle_joint")
PADS = {"gripper0_left_inner_finger", "gripper0_right_inner_finger"}
ACTUATORS = ("gripper0_finger_1", "gripper0_finger_2")
CLOSED_RAD = 0.8
"""Knuckle angle at which the pads meet (upper end of the actuators' control range)."""
LINKAGE = {"inner_finger_joint": -1.0, "inner_knuckle_joint": 1.0}
"""The real hand's four-bar linkage: inner finger and inner knuckle follow the outer knuckle, so
that the pads stay parallel. robosuite's model leaves them loose on weak springs."""
STIFFNESS_NM_PER_RAD, TORQUE_LIMIT_NM = 30.0, 6.0
"""Per knuckle; 6 N·m over the 0.1 m finger presses each pad with about 60 N (real: 20–235 N)."""
DAMPING, ARMATURE = 0.8, 0.005
"""N·m·s/rad and kg·m²: the worm gear that robosuite's model leaves out; closes in about 0.3 s."""
DEADBAND = 0.05
"""Smaller gripper deltas keep the last command."""
SQUEEZE = 0.25
"""Share of a closing delta added to its command: the pads press instead of only touching."""


def couple_gripper(spec: mujoco.MjSpec) -> None:
    """Give robosuite's Robotiq its linkage, gear and force limit; its parts stop colliding."""
    for side, knuckle in zip(("left", "right"), KNUCKLE_JOINTS, strict=True):
        for joint, ratio in LINKAGE.items():
            _follow(spec, f"gripper0_{side}_{joint}", knuckle, ratio)
    _follow(spec, KNUCKLE_JOINTS[1], KNUCKLE_JOINTS[0], 1.0)
    for tendon in spec.tendons:
        tendon.stiffness, tendon.limited = np.zeros(3), False
    for joint in spec.joints:
        if joint.name.startswith("gripper0_"):
            joint.damping, joint.armature = [DAMPING, 0.0, 0.0], ARMATURE
            joint.range = [-0.9, 0.9]  # the linkage rules; the actuators stop at 0 and 0.8
    for actuator in spec.actuators:
        if actuator.name in ACTUATORS:
            actuator.gainprm[0], actuator.biasprm[1] = STIFFNESS_NM_PER_RAD, -STIFFNESS_NM_PER_RAD
            actuator.forcelimited, actuator.forcerange = True, [-TORQUE_LIMIT_NM, TORQUE_LIMIT_NM]
    bodies = [b.name for b in spec.bodies if b.name.startswith("gripper0_")]
    bodies.append("robot0_right_hand")
    for first, second in itertools.combinations(bodies, 2):
        if {first, second} != PADS:
            spec.add_exclude(bodyname1=first, bodyname2=second)


def _follow(spec: mujoco.MjSpec, follower: str, leader: str, ratio: float) -> None:
    equality = spec.add_equality(type=mujoco.mjtEq.mjEQ_JOINT, name1=follower, name2=leader)
    equality.data[:5] = [0.0, ratio, 0.0, 0.0, 0.0]
    equality.solref = [0.005, 1.0]


def next_command(command: float, measured: float, delta: float) -> float:
    """Return the new commanded closedness in [0, 1] after a gripper delta; +delta closes."""
    if abs(delta) < DEADBAND:
        return command
    if delta > 0:
        return float(min(1.0, max(command, measured + delta) + SQUEEZE * delta))
    return float(np.clip(measured + delta, 0.0, 1.0))


def closedness(model: mujoco.MjModel, data: mujoco.MjData) -> float:
    """Return the measured closedness in [0, 1]."""
    angles = [data.qpos[model.joint(name).qposadr[0]] for name in KNUCKLE_JOINTS]
    return float(np.clip(np.mean(angles) / CLOSED_RAD, 0.0, 1.0))


def control(command: float) -> NDArray[np.float64]:
    """Return the position targets (2,) in radians of the two actuators."""
    return np.full(len(ACTUATORS), command * CLOSED_RAD)

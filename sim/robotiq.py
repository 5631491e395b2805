"""The Robotiq 2F-85: robosuite's model with the linkage, gear and force of the real hand."""

from __future__ import annotations

import itertools

import mujoco
import numpy as np

from armchair.sim.pads import soften

KNUCKLE_JOINTS = ("gripper0_finger_joint", "gripper0_right_outer_knuckle_joint")
ACTUATORS = ("gripper0_finger_1", "gripper0_finger_2")
FINGERS = {"gripper0_left_inner_finger", "gripper0_right_inner_finger"}
PADS = (
    ("gripper0_left_fingerpad_collision", "gripper0_left_fingertip_collision"),
    ("gripper0_right_fingerpad_collision", "gripper0_right_fingertip_collision"),
)
"""The rubber and the block that carries it, 0.3 mm behind and 1 mm wider."""
CLOSED_RAD = 0.8
"""Knuckle angle at which the pads meet (upper end of the actuators' control range)."""
TIP_M, PALM_M = 0.164, 0.112
"""Below the flange: fingertips when closed, and the knuckles, which an object must not reach."""
LINKAGE = {"inner_finger_joint": -1.0, "inner_knuckle_joint": 1.0}
"""The real hand's four-bar linkage: inner finger and inner knuckle follow the outer knuckle, so
that the pads stay parallel. robosuite's model leaves them loose on weak springs."""
STIFFNESS_NM_PER_RAD, TORQUE_LIMIT_NM = 120.0, 6.0
"""Per knuckle. 6 N·m press each pad with about 110 N (real: 20–235 N); stiff enough that a cup's
wall, 1.7 mm from fully closed, is pressed with more than 50 N."""
DAMPING, ARMATURE = 0.8, 0.005
"""N·m·s/rad and kg·m²: the worm gear that robosuite's model leaves out; closes in about 0.3 s."""


def prepare(spec: mujoco.MjSpec) -> None:
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
    _let_parts_pass(spec)
    soften(spec, {name for names in PADS for name in names})


def _let_parts_pass(spec: mujoco.MjSpec) -> None:
    bodies = [b.name for b in spec.bodies if b.name.startswith("gripper0_")]
    bodies.append("robot0_right_hand")
    for first, second in itertools.combinations(bodies, 2):
        if {first, second} != FINGERS:
            spec.add_exclude(bodyname1=first, bodyname2=second)


def _follow(spec: mujoco.MjSpec, follower: str, leader: str, ratio: float) -> None:
    equality = spec.add_equality(type=mujoco.mjtEq.mjEQ_JOINT, name1=follower, name2=leader)
    equality.data[:5] = [0.0, ratio, 0.0, 0.0, 0.0]
    equality.solref = [0.005, 1.0]

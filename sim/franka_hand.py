"""Franka's own hand, robosuite's `PandaGripper`: two fingers on straight rails."""

from __future__ import annotations

import mujoco

from armchair.sim.pads import soften

JOINTS = ("gripper0_finger_joint1", "gripper0_finger_joint2")
ACTUATORS = ("gripper0_gripper_finger_joint1", "gripper0_gripper_finger_joint2")
STROKE_M = 0.04
"""Of each finger."""
PADS = (("gripper0_finger1_pad_collision",), ("gripper0_finger2_pad_collision",))
TIP_M, PALM_M = 0.1125, 0.067
"""Below the flange: fingertips, and the palm, which an object must not reach."""
FORCE_N, STIFFNESS_N_PER_M, DAMPING = 50.0, 20_000.0, 300.0
"""Per finger; the real hand holds with up to 70 N. Stiff enough for a cup's wall, 1.7 mm from
fully closed; N·s/m, closes in 0.3 s."""


def prepare(spec: mujoco.MjSpec) -> None:
    """Limit the fingers' force and give the pads friction within benchmark v1."""
    for actuator in spec.actuators:
        if actuator.name in ACTUATORS:
            actuator.gainprm[0], actuator.biasprm[1] = STIFFNESS_N_PER_M, -STIFFNESS_N_PER_M
            actuator.forcelimited, actuator.forcerange = True, [-FORCE_N, FORCE_N]
    for joint in spec.joints:
        if joint.name in JOINTS:
            joint.damping = [DAMPING, 0.0, 0.0]
    soften(spec, {name for names in PADS for name in names})

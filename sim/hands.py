"""Which hand the arm carries: the Robotiq 2F-85 of DROID, or Franka's own; both as one number.

Every hand closes from 0 (open) to 1 (pads meet) along a straight line in its actuators' targets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from armchair.registry import Registry
from armchair.sim import franka_hand, robotiq

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Hand:
    """A hand with two fingers; tuples go left, right."""

    name: str
    robosuite_class: str
    joints: tuple[str, str]
    actuators: tuple[str, str]
    open_at: tuple[float, float]
    closed_at: tuple[float, float]
    """Joint positions, also the actuators' targets: radians or metres."""
    pads: tuple[tuple[str, ...], tuple[str, ...]]
    """Names of the geoms that make up each finger's pad."""
    tip_m: float
    """From the flange down to the lowest point of the fingers over the whole stroke."""
    palm_m: float
    """From the flange down to where nothing is in an object's way between the fingers."""
    prepare: Callable[[mujoco.MjSpec], None]
    """Gives robosuite's model honest physics before it is compiled."""

    def closedness(self, model: mujoco.MjModel, data: mujoco.MjData) -> float:
        """Return the measured closedness in [0, 1]."""
        at = np.array([data.qpos[model.joint(name).qposadr[0]] for name in self.joints])
        start, end = np.array(self.open_at), np.array(self.closed_at)
        return float(np.clip(np.mean((at - start) / (end - start)), 0.0, 1.0))

    def control(self, command: float) -> Array:
        """Return the actuators' targets (2,) for a commanded closedness."""
        start, end = np.array(self.open_at), np.array(self.closed_at)
        return np.asarray(start + command * (end - start))

    def speed(self, model: mujoco.MjModel, data: mujoco.MjData) -> float:
        """Return how fast the hand closes or opens, in strokes per second."""
        rate = np.array([data.qvel[model.joint(name).dofadr[0]] for name in self.joints])
        return float(np.abs(rate / (np.array(self.closed_at) - np.array(self.open_at))).mean())

    def open(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        """Put the fingers to fully open, without moving them there."""
        self.put(model, data, 0.0)

    def put(self, model: mujoco.MjModel, data: mujoco.MjData, closed: float) -> None:
        """Put the fingers, and what follows them, to a closedness, without moving them there."""
        for name, position in zip(self.joints, self.control(closed), strict=True):
            data.qpos[model.joint(name).qposadr[0]] = position
        for kind, follower, leader, law in zip(
            model.eq_type, model.eq_obj1id, model.eq_obj2id, model.eq_data, strict=True
        ):
            if kind == mujoco.mjtEq.mjEQ_JOINT:
                at = data.qpos[model.jnt_qposadr[leader]]
                data.qpos[model.jnt_qposadr[follower]] = np.polyval(law[4::-1], at)

    def pad_geoms(self, model: mujoco.MjModel) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the geom ids of the left and of the right pad."""
        left, right = (tuple(int(model.geom(n).id) for n in names) for names in self.pads)
        return left, right


HANDS: Registry[Hand] = Registry("gripper")
HANDS.add("robotiq")(
    Hand(
        name="robotiq",
        robosuite_class="Robotiq85Gripper",
        joints=robotiq.KNUCKLE_JOINTS,
        actuators=robotiq.ACTUATORS,
        open_at=(0.0, 0.0),
        closed_at=(robotiq.CLOSED_RAD, robotiq.CLOSED_RAD),
        pads=robotiq.PADS,
        tip_m=robotiq.TIP_M,
        palm_m=robotiq.PALM_M,
        prepare=robotiq.prepare,
    )
)
HANDS.add("panda")(
    Hand(
        name="panda",
        robosuite_class="PandaGripper",
        joints=franka_hand.JOINTS,
        actuators=franka_hand.ACTUATORS,
        open_at=(franka_hand.STROKE_M, -franka_hand.STROKE_M),
        closed_at=(0.0, 0.0),
        pads=franka_hand.PADS,
        tip_m=franka_hand.TIP_M,
        palm_m=franka_hand.PALM_M,
        prepare=franka_hand.prepare,
    )
)


def hand_of(model: mujoco.MjModel) -> Hand:
    """Return the hand that a compiled scene holds."""
    for name in HANDS:
        if mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_ACTUATOR, HANDS[name].actuators[0]) >= 0:
            return HANDS[name]
    raise ValueError("the model holds no hand of armchair.sim.hands")

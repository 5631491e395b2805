"""Arms with an object, compiled once a process; full meshes compile faster than simplified ones."""

from __future__ import annotations

import functools

import mujoco
import numpy as np

from armchair.sim.arm import SimArm
from armchair.sim.contacts import object_pose
from armchair.sim.experts import free_carry, free_grasp
from armchair.sim.objects import object_body, place
from armchair.sim.scene import SceneConfig

CARRIED_M = np.array([0.46, 0.0, 0.36])
SPOT_M = np.array([0.50, 0.05])


@functools.cache
def compiled(object: str, gripper: str = "robotiq") -> SimArm:
    return SimArm(SceneConfig(object=object, gripper=gripper, mesh_keep=1.0))


def arm_with(object: str, gripper: str = "robotiq", mass: float | None = None) -> SimArm:
    """Return an arm at rest above an object of nominal looks, size and friction."""
    arm = compiled(object, gripper)
    model, nominal = arm.model, arm.nominal
    body = model.body(object_body(model)).id
    share = 1.0 if mass is None else mass / nominal.body_mass[body]
    model.body_mass[body] = nominal.body_mass[body] * share
    model.body_inertia[body] = nominal.body_inertia[body] * share
    model.geom_friction[:] = nominal.geom_friction
    mujoco.mj_setConst(model, arm.data)
    arm.reset()
    place(model, arm.data, SPOT_M)
    return arm


def carrying(object: str, gripper: str = "robotiq", mass: float | None = None) -> SimArm:
    """Return an arm that has taken the object and holds it up."""
    arm = arm_with(object, gripper, mass)
    assert free_grasp(arm)
    assert free_carry(arm, CARRIED_M)
    return arm


def object_position(arm: SimArm) -> np.ndarray:
    return object_pose(arm.model, arm.data)[:3]

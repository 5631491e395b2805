"""Grasps hold by honest physics within benchmark v1's limits, and let go when they should."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from armchair.sim.arm import SimArm
from armchair.sim.contacts import grip_force, held, object_height, tilt
from armchair.sim.hands import HANDS
from armchair.sim.objects import OBJECTS, object_body, object_geoms
from tests.sim.object_scenes import arm_with, carrying, object_position

PAIRS = [(name, hand) for name in OBJECTS for hand in HANDS]
MAX_FRICTION, GRIP_N = 1.5, (20.0, 235.0)
ZERO = np.zeros(7)


def opening(delta: float) -> np.ndarray:
    return np.array([0, 0, 0, 0, 0, 0, delta])


@pytest.mark.parametrize(
    ("name", "hand"),
    [
        pytest.param(name, hand, marks=[pytest.mark.slow] if hand == "panda" else [])
        for name, hand in PAIRS
    ],
)
def test_held_over_twenty_actions_with_motion_and_released_by_one(name: str, hand: str) -> None:
    arm = carrying(name, hand)
    before, rng = object_position(arm) - arm.flange_position, np.random.default_rng(1)
    for _ in range(20):
        target = np.clip(
            arm.flange_position + rng.uniform(-0.075, 0.075, 3), [0.4, -0.1, 0.3], [0.55, 0.1, 0.42]
        )
        arm.move(np.append(target - arm.flange_position, [0, 0, 0, 0]))
        assert held(arm.model, arm.data)
    assert np.linalg.norm(object_position(arm) - arm.flange_position - before) < 0.005
    assert tilt(arm.model, arm.data) < np.deg2rad(3)
    arm.move(opening(-0.4))
    arm.hold(0.5)
    assert not held(arm.model, arm.data)
    assert object_height(arm.model, arm.data) < 0.02


@pytest.mark.parametrize("mass", [0.03, 0.3])
@pytest.mark.parametrize("name", list(OBJECTS))
def test_grip_force_and_friction_are_within_the_limits(name: str, mass: float) -> None:
    arm = carrying(name, "robotiq", mass)
    force = grip_force(arm.model, arm.data)
    assert (force >= GRIP_N[0]).all()
    assert (force <= GRIP_N[1]).all()
    mine, contact = set(object_geoms(arm.model)), arm.data.contact
    touching = [i for i, pair in enumerate(contact.geom.tolist()) if mine & set(pair)]
    assert touching
    assert contact.friction[touching, :2].max() <= MAX_FRICTION


@pytest.mark.parametrize(("name", "hand"), PAIRS)
def test_falls_at_zero_friction(name: str, hand: str) -> None:
    arm = carrying(name, hand)
    arm.model.geom_friction[:] = 0.0
    arm.hold(1.0)
    assert object_height(arm.model, arm.data) < 0.02, "something but friction holds it"


@pytest.mark.parametrize("name", list(OBJECTS))
def test_falls_when_the_hand_opens(name: str) -> None:
    arm = carrying(name)
    arm.command_gripper = 0.0
    arm.hold(0.8)
    assert object_height(arm.model, arm.data) < 0.02


@pytest.mark.parametrize(("name", "hand"), PAIRS)
def test_nothing_but_contacts_binds_the_object(name: str, hand: str) -> None:
    model = arm_with(name, hand).model
    joints = {int(j) for j in model.eq_obj1id} | {int(j) for j in model.eq_obj2id}
    body = model.body(object_body(model))
    assert set(model.eq_type.tolist()) <= {int(mujoco.mjtEq.mjEQ_JOINT)}
    assert int(body.jntadr[0]) not in joints
    assert model.body_parentid[body.id] == 0
    assert (model.actuator_trntype != mujoco.mjtTrn.mjTRN_BODY).all(), "adhesion"
    assert (model.actuator_trntype != mujoco.mjtTrn.mjTRN_SITE).all(), "attachment"
    assert model.body_gravcomp[body.id] == 0.0
    hand_geoms = [g for pads in HANDS[hand].pad_geoms(model) for g in pads]
    assert model.geom_friction[[*hand_geoms, *object_geoms(model)], 0].max() <= MAX_FRICTION
    assert (model.geom_type[hand_geoms] == mujoco.mjtGeom.mjGEOM_BOX).all()


@pytest.mark.parametrize("hand", list(HANDS))
def test_closedness_runs_from_zero_to_one(hand: str) -> None:
    arm = arm_with("cup", hand)
    for command in (0.0, 0.5, 1.0):
        arm.command_gripper = command
        arm.hold(0.8)
        assert arm.state()[6] == pytest.approx(command, abs=0.03)


def test_a_move_that_closes_waits_for_the_fingers() -> None:
    arm = arm_with("box")
    arm.hold(0.5)
    rows = arm.move(opening(0.75))
    assert 4 <= rows < 18
    assert arm.hand.speed(arm.model, arm.data) <= 0.05
    assert arm.state()[6] == pytest.approx(0.9375, abs=0.03)
    assert arm.move(ZERO) == 1


def closed_inside(arm: SimArm) -> None:
    """Bring the closed hand into the cup, then against its wall from inside."""
    x, y, _ = object_position(arm)
    for height in (0.30, 0.21):
        arm.drive_to(np.array([x, y, height]), closed=1.0)
    arm.command_position = np.array([x, y + 0.06, 0.21])


def test_a_cup_is_not_held_from_inside_alone() -> None:
    arm = arm_with("cup")
    closed_inside(arm)
    pressed = []
    for _ in range(8):
        arm.row()
        pressed.append(grip_force(arm.model, arm.data) > 0)
        assert not held(arm.model, arm.data)
    assert np.any(pressed), "the fingers never touched the wall"

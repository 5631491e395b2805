"""Box and cup: size and mass within benchmark v1, a real hollow, colours and sizes that change."""

from __future__ import annotations

import copy

import mujoco
import numpy as np
import pytest

from armchair.errors import UnknownNameError
from armchair.sim import cup
from armchair.sim.experts import free_carry, free_grasp
from armchair.sim.objects import (
    OBJECTS,
    object_body,
    object_geoms,
    object_kind,
    object_scale,
    paint,
    place,
    resize,
    rest_height,
    stretch,
)
from armchair.sim.scene import TIMESTEP_S, SceneConfig
from tests.sim.object_scenes import arm_with, object_position

STROKE_M = 0.085


@pytest.mark.parametrize("wrong", [{"object": "cupp"}, {"gripper": "robotik"}])
def test_an_unknown_name_lists_the_known_ones(wrong: dict[str, str]) -> None:
    with pytest.raises(UnknownNameError, match=r"Did you mean '(cup|robotiq)'"):
        SceneConfig(**wrong)


@pytest.mark.parametrize("name", list(OBJECTS))
def test_names_and_mass(name: str) -> None:
    model = arm_with(name).model
    assert object_body(model) == f"{name}_main"
    assert object_kind(model).name == name
    assert 0.03 <= model.body(object_body(model)).mass[0] <= 0.3
    assert all(model.geom_group[g] == 0 for g in object_geoms(model))
    assert all(model.geom_group[g] == 1 for g in object_geoms(model, drawn=True))


def wall_pieces(model: mujoco.MjModel) -> list[int]:
    return [g for g in object_geoms(model) if model.geom_type[g] == mujoco.mjtGeom.mjGEOM_BOX]


@pytest.mark.parametrize("scale", [0.0, 1.0, 2.0])
def test_the_cup_is_wider_than_the_hand_and_thin(scale: float) -> None:
    """At every size that `resize` grants: 0 and 2 are clipped."""
    model = copy.copy(arm_with("cup").model)
    resize(model, arm_with("cup").nominal, scale)
    walls = wall_pieces(model)
    assert len(walls) >= 12
    half = model.geom_size[walls, 0]
    outer = 2 * (np.linalg.norm(model.geom_pos[walls, :2], axis=1) + half)
    assert ((outer >= 0.09) & (outer <= 0.095)).all()
    assert (outer > STROKE_M).all()
    assert ((2 * half >= 0.003) & (2 * half <= 0.004)).all()
    assert object_scale(model) == pytest.approx(np.clip(scale, 0.975, 1.025))


@pytest.mark.parametrize("offset", [(0.0, 0.0), (0.02, 0.01)])
def test_the_cup_is_hollow(offset: tuple[float, float]) -> None:
    """A marble dropped from above the rim ends on the bottom; a hull would hold it up."""
    spec, radius = mujoco.MjSpec(), 0.012
    spec.option.timestep = TIMESTEP_S
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[1, 1, 0.1])
    cup.add_cup(spec)
    marble = spec.worldbody.add_body(name="marble", pos=[0.5 + offset[0], offset[1], 0.1])
    marble.add_freejoint()
    marble.add_geom(
        type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[radius, 0, 0], mass=0.005, solref=[0.005, 1]
    )
    model = spec.compile()
    data = mujoco.MjData(model)
    mujoco.mj_step(model, data, 900)
    local = data.body("marble").xpos - data.body("cup_main").xpos
    assert np.linalg.norm(local[:2]) < cup.OUTER_RADIUS_M - cup.WALL_M
    assert local[2] == pytest.approx(-cup.HEIGHT_M / 2 + cup.BOTTOM_M + radius, abs=1e-3)


@pytest.mark.parametrize("name", list(OBJECTS))
def test_a_resized_object_stands_where_it_is_placed(name: str) -> None:
    arm = arm_with(name)
    try:
        for scale in (1 - object_kind(arm.model).scale_range, 1.0 + 0.02):
            resize(arm.model, arm.nominal, scale)
            arm.reset()
            place(arm.model, arm.data, np.array([0.45, -0.1]))
            arm.hold(0.5)
            wanted = [0.45, -0.1, object_kind(arm.model).half_height_m * scale]
            assert np.allclose(object_position(arm), wanted, atol=5e-4)
            assert rest_height(arm.model) == pytest.approx(wanted[2])
    finally:
        resize(arm.model, arm.nominal, 1.0)
    assert np.array_equal(arm.model.geom_pos, arm.nominal.geom_pos)
    assert np.array_equal(arm.model.bvh_aabb, arm.nominal.bvh_aabb)


@pytest.mark.parametrize("factor", [0.5, 1.5])
def test_a_taller_or_lower_cup_is_as_wide_and_is_carried(factor: float) -> None:
    """The factor is clipped to what the fingers reach into."""
    arm, wanted = arm_with("cup"), np.clip(factor, 0.85, 1.15)
    try:
        stretch(arm.model, factor)
        place(arm.model, arm.data, np.array([0.45, -0.1]))
        arm.hold(0.5)
        assert rest_height(arm.model) == pytest.approx(wanted * cup.HEIGHT_M / 2)
        assert np.allclose(object_position(arm), [0.45, -0.1, rest_height(arm.model)], atol=5e-4)
        assert object_scale(arm.model) == pytest.approx(1.0)
        tops = arm.data.geom_xpos[wall_pieces(arm.model), 2]
        tops = tops + arm.model.geom_size[wall_pieces(arm.model), 2]
        assert np.allclose(tops, 2 * rest_height(arm.model), atol=5e-4)
        assert free_grasp(arm)
        assert free_carry(arm, np.array([0.46, 0.0, 0.36]))
    finally:
        resize(arm.model, arm.nominal, 1.0)
    assert np.array_equal(arm.model.geom_pos, arm.nominal.geom_pos)
    assert np.array_equal(arm.model.bvh_aabb, arm.nominal.bvh_aabb)


@pytest.mark.parametrize("name", list(OBJECTS))
def test_paint_changes_nothing_else(name: str) -> None:
    arm = arm_with(name)
    paint(arm.model, np.array([0.1, 0.2, 0.3]))
    changed = {int(g) for g in np.nonzero((arm.model.geom_rgba != arm.nominal.geom_rgba).any(1))[0]}
    arm.model.geom_rgba[:] = arm.nominal.geom_rgba
    assert changed == {*object_geoms(arm.model), *object_geoms(arm.model, drawn=True)}

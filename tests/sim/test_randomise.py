"""Levels of variety: what each may change, and that the seed decides it."""

from __future__ import annotations

import numpy as np
import pytest

from armchair.errors import UnknownNameError
from armchair.sim.cameras import LEFT
from armchair.sim.randomise import LEVELS, OBJECT_AREA_M, WORKSPACE_CENTRE, Level, randomise
from armchair.sim.robot import SimRobot
from armchair.sim.scene import OBJECT_NAME

LOOKS = ("geom_rgba", "geom_size", "geom_rbound", "geom_aabb", "cam_pos", "cam_quat")
LAMPS = ("light_diffuse", "light_dir")


def looks(arm: SimRobot) -> dict[str, np.ndarray]:
    """Everything that a level may change in the model."""
    found = {name: np.array(getattr(arm.model, name)) for name in (*LOOKS, *LAMPS)}
    found["headlight"] = np.array(arm.model.vis.headlight.diffuse)
    found["qpos"] = arm.data.qpos.copy()
    return found


def box_xy(arm: SimRobot) -> np.ndarray:
    return np.array(arm.data.body(f"{OBJECT_NAME}_main").xpos[:2])


def test_levels_are_named() -> None:
    assert set(LEVELS) == {"none", "light", "full"}
    with pytest.raises(UnknownNameError, match=r"Did you mean 'light'\? Known: full, light, none"):
        LEVELS["ligth"]


@pytest.mark.parametrize("level", ["none", "light", "full"])
def test_the_seed_decides(arm: SimRobot, level: str) -> None:
    made = []
    for seed in (1, 1, 2):
        arm.reset()
        placement = randomise(arm, LEVELS[level], np.random.default_rng(seed))
        assert np.allclose(arm.data.camera("left").xpos, placement.position)
        made.append(looks(arm))
    assert all(np.array_equal(made[0][name], made[1][name]) for name in made[0])
    assert not np.array_equal(made[0]["qpos"], made[2]["qpos"])


def test_none_changes_nothing_but_where_the_box_lies(arm: SimRobot) -> None:
    """Also after a scene of another level."""
    for before in ("none", "full"):
        arm.new_scene(before, np.random.default_rng(5))
        assert randomise(arm, LEVELS["none"], np.random.default_rng(6)) == LEFT
        for name in (*LOOKS, *LAMPS):
            wanted, found = getattr(arm.nominal, name), getattr(arm.model, name)
            assert np.allclose(found, wanted, atol=1e-6), name
        wanted = arm.nominal.vis.headlight.diffuse
        assert np.allclose(arm.model.vis.headlight.diffuse, wanted)


def test_light_changes_looks_within_its_ranges(arm: SimRobot) -> None:
    level, rng = LEVELS["light"], np.random.default_rng(0)
    table = arm.model.geom("table_visual").id
    for _ in range(50):
        randomise(arm, level, rng)
        moved = arm.data.camera("left").xpos - LEFT.position
        assert (np.abs(moved) <= level.camera_m + level.look_at_m).all()
        assert moved.any()
        tint = arm.model.geom_rgba[table, :3] - arm.nominal.geom_rgba[table, :3]
        assert (np.abs(tint) <= level.table_colour + 1e-6).all()
        assert (np.abs(box_xy(arm) - WORKSPACE_CENTRE) <= OBJECT_AREA_M).all()


def test_no_level_touches_the_robot(arm: SimRobot) -> None:
    randomise(arm, LEVELS["full"], np.random.default_rng(0))
    mine = [i for i in range(arm.model.ngeom) if OBJECT_NAME not in arm.model.geom(i).name]
    mine.remove(arm.model.geom("table_visual").id)
    for name in ("geom_rgba", "geom_size", "geom_friction"):
        wanted, found = getattr(arm.nominal, name), getattr(arm.model, name)
        assert np.array_equal(found[mine], wanted[mine]), name
    assert np.array_equal(arm.model.body_mass, arm.nominal.body_mass)


def test_a_level_may_leave_the_box_where_it_is(arm: SimRobot) -> None:
    before = box_xy(arm)
    randomise(arm, Level(place_object=False), np.random.default_rng(9))
    assert np.array_equal(box_xy(arm), before)


def test_the_box_rests_on_the_table_at_every_size(arm: SimRobot) -> None:
    for seed in range(3):
        arm.new_scene("full", np.random.default_rng(seed))
        before = np.array(arm.data.body(f"{OBJECT_NAME}_main").xpos)
        arm.hold(0.4)
        after = arm.data.body(f"{OBJECT_NAME}_main").xpos
        assert np.allclose(after, before, atol=1e-3)

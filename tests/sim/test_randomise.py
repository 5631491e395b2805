"""Levels of variety: what each may change, and that the seed decides it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from armchair.errors import BadValueError, UnknownNameError
from armchair.sim.cameras import PLACEMENTS, STANDARD_PLACEMENT
from armchair.sim.distractors import AWAY_Z_M, SIDES, distractor_geoms
from armchair.sim.randomise import (
    LEVELS,
    OBJECT_AREA_M,
    SWEEP_DEG,
    WIDEST_M,
    WORKSPACE_CENTRE,
    Level,
    randomise,
)
from armchair.sim.robot import SimRobot
from armchair.sim.scene import OBJECT_NAME, SceneConfig
from armchair.sim.textures import PATTERNS

LOOKS = ("geom_rgba", "geom_size", "geom_rbound", "geom_aabb", "cam_pos", "cam_quat")
LAMPS = ("light_diffuse", "light_dir")
STANDARD = PLACEMENTS[STANDARD_PLACEMENT]


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
        randomise(arm, LEVELS[before], np.random.default_rng(5))
        assert randomise(arm, LEVELS["none"], np.random.default_rng(6)) == STANDARD
        for name in (*LOOKS, *LAMPS):
            wanted, found = getattr(arm.nominal, name), getattr(arm.model, name)
            assert np.allclose(found, wanted, atol=1e-6), name
        wanted = arm.nominal.vis.headlight.diffuse
        assert np.allclose(arm.model.vis.headlight.diffuse, wanted)


LIGHT_RANGES = {
    "lamp": 0.3,
    "headlight": 0.3,
    "lamp_direction": [0.6, 0.6],
    "table_colour": [0.3, 0.3, 0.3],
    "object_colour": [0.9, 0.9, 0.9],
    "object_scale": 0.3,
}
"""Largest less smallest that level light may show; brightness and scale relative to nominal."""


def light_varies(arm: SimRobot) -> dict[str, np.ndarray]:
    """Return a scene's values of what `LIGHT_RANGES` names."""
    model, nominal = arm.model, arm.nominal
    table, box = model.geom("table_visual").id, model.geom(f"{OBJECT_NAME}_g0_vis").id
    seen = {
        "lamp": model.light_diffuse[0, 0] / nominal.light_diffuse[0, 0],
        "headlight": model.vis.headlight.diffuse[0] / nominal.vis.headlight.diffuse[0],
        "lamp_direction": model.light_dir[0, :2],
        "table_colour": model.geom_rgba[table, :3],
        "object_colour": model.geom_rgba[box, :3],
        "object_scale": model.geom_size[box, 0] / nominal.geom_size[box, 0],
    }
    return {name: np.array(value) for name, value in seen.items()}


def test_light_changes_looks_within_its_ranges(arm: SimRobot) -> None:
    level, rng = LEVELS["light"], np.random.default_rng(0)
    table, seen = arm.model.geom("table_visual").id, []
    for _ in range(50):
        randomise(arm, level, rng)
        moved = arm.data.camera("left").xpos - STANDARD.position
        assert (np.abs(moved) <= level.camera_m + level.look_at_m).all()
        assert moved.any()
        tint = arm.model.geom_rgba[table, :3] - arm.nominal.geom_rgba[table, :3]
        assert (np.abs(tint) <= level.table_colour + 1e-6).all()
        assert (np.abs(box_xy(arm) - WORKSPACE_CENTRE) <= OBJECT_AREA_M).all()
        seen.append(light_varies(arm))
    for name, whole in LIGHT_RANGES.items():
        spread = np.ptp([each[name] for each in seen], axis=0)
        assert (spread > np.divide(whole, 2)).all(), name
        assert (spread < np.multiply(whole, 1.1)).all(), name


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


@pytest.fixture(scope="module")
def varied() -> Iterator[SimRobot]:
    """An arm in a scene that has patterns and distractors to choose from."""
    arm = SimRobot(SceneConfig(variety=True))
    yield arm
    arm.close()


def test_full_dresses_table_walls_floor_and_things(varied: SimRobot) -> None:
    model, seen = varied.model, {"table": set(), "wall_front": set(), "floor": set()}
    shown = set()
    for seed in range(30):
        varied.new_scene("full", np.random.default_rng(seed))
        seen["table"].add(int(model.geom_matid[model.geom("table_visual").id]))
        seen["wall_front"].add(int(model.geom_matid[model.geom("wall_front_visual").id]))
        seen["floor"].add(int(model.geom_matid[model.geom("floor").id]))
        standing = [g for g in distractor_geoms(model) if varied.data.geom_xpos[g, 2] > 0]
        shown.add(len(standing))
        for geom in standing:
            x, y = varied.data.geom_xpos[geom, :2]
            assert any(a <= x <= b and c <= y <= d for (a, b), (c, d) in SIDES)
    assert shown == set(range(LEVELS["full"].distractors + 1))
    assert all(len(materials) > len(list(PATTERNS)) / 2 for materials in seen.values())


def test_other_levels_take_the_variety_off_again(varied: SimRobot) -> None:
    varied.new_scene("full", np.random.default_rng(1))
    for level in ("light", "none"):
        varied.new_scene(level, np.random.default_rng(1))
        assert np.array_equal(varied.model.geom_matid, varied.nominal.geom_matid)
        things = distractor_geoms(varied.model)
        assert (varied.data.geom_xpos[things, 2] == AWAY_Z_M).all()


def test_patterns_are_grey_pictures_that_a_colour_can_tint() -> None:
    for number, name in enumerate(PATTERNS):
        picture = PATTERNS[name](np.random.default_rng(number))
        assert picture.shape == (128, 128), name
        assert 0.5 < picture.mean() < 0.95, name
        assert picture.std() > 0.03, name


def test_variety_leaves_the_first_models_scenes_alone(arm: SimRobot, varied: SimRobot) -> None:
    """The same generator gives the same scene, and goes on with the same numbers."""
    after = []
    for each in (arm, varied):
        rng = np.random.default_rng(11)
        each.new_scene("light", rng)
        after.append((rng.random(), each.data.camera("left").xpos.copy(), box_xy(each)))
    assert after[0][0] == after[1][0]
    assert np.array_equal(after[0][1], after[1][1])
    assert np.array_equal(after[0][2], after[1][2])
    # the numbers that the first model's scenes were drawn with: 6 + 1 + 3 + 3 + 3 + 1 + 2
    plain = np.random.default_rng(11)
    plain.random(19)
    assert after[0][0] == plain.random()


def test_boxes_change_shape_and_stay_graspable(arm: SimRobot) -> None:
    sizes = []
    for seed in range(20):
        arm.new_scene("full", np.random.default_rng(seed))
        sizes.append(arm.model.geom(f"{OBJECT_NAME}_g0").size.copy())
    ratios = np.array(sizes)[:, 2] / np.array(sizes)[:, 0]
    assert ratios.min() < 0.9
    assert ratios.max() > 1.1
    assert np.array(sizes)[:, :2].max() <= WIDEST_M + 1e-9


def test_the_camera_sweep(arm: SimRobot) -> None:
    level = replace(LEVELS["light"], camera_angle_deg=SWEEP_DEG)
    angles, rng = [], np.random.default_rng(0)
    for _ in range(60):
        angles.append(randomise(arm, level, rng).angle_deg)
        assert arm.data.camera("right").xpos[1] < 0 < arm.data.camera("left").xpos[1]
    assert all(35 <= angle <= 85 for angle in angles)
    assert min(angles) < 40
    assert max(angles) > 80
    with pytest.raises(BadValueError, match=r"90…40° are no range"):
        Level(camera_angle_deg=(90.0, 40.0))


def test_a_placement_of_another_name_is_where_the_camera_stands() -> None:
    placement = PLACEMENTS["left"]
    arm = SimRobot(SceneConfig(left=placement))
    arm.new_scene("none", np.random.default_rng(0))
    assert np.allclose(arm.data.camera("left").xpos, placement.position)
    assert np.allclose(arm.data.camera("right").xpos, placement.position * [1, -1, 1])
    assert (
        arm.model.camera("left").fovy[0] == arm.model.camera("right").fovy[0] == placement.fovy_deg
    )

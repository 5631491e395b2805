"""Pictures: type, upright, the same every time, and as good with the simplified meshes."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import mujoco
import numpy as np
import pytest

from armchair.bench.similarity import structural_similarity
from armchair.sim.pictures import Painter
from armchair.sim.robot import SimRobot
from armchair.sim.scene import SceneConfig

POSES = np.array([[0.46, 0.0, 0.36], [0.60, 0.20, 0.26], [0.36, -0.18, 0.46]])


@pytest.fixture(scope="module")
def full_mesh_arm() -> Iterator[SimRobot]:
    arm = SimRobot(SceneConfig(mesh_keep=1.0))
    arm.new_scene("none", np.random.default_rng(0))
    yield arm
    arm.close()


def halved(picture: np.ndarray) -> np.ndarray:
    """Average over 2 × 2 pixels."""
    return np.asarray(picture.reshape(128, 2, 128, 2, 3).mean(axis=(1, 3)))


@pytest.mark.parametrize("camera", ["left", "right", "wrist"])
def test_frames_are_uint8_and_not_blank(arm: SimRobot, camera: str) -> None:
    frame = arm.frame(camera)
    assert frame.shape == (256, 256, 3)
    assert frame.dtype == np.uint8
    assert frame.std() > 20


def test_pictures_are_upright(arm: SimRobot) -> None:
    """The table (its colour is known) lies at the bottom, walls at the top."""
    model = arm.model
    model.geom_rgba[model.geom("table_visual").id, :3] = [0.0, 0.9, 0.0]
    frame = arm.frame().astype(float)
    green = frame[..., 1] > 2 * frame[..., 0] + 20
    assert green[-20:].mean() > 0.9
    assert green[:20].mean() < 0.05


def test_higher_flange_is_higher_in_the_picture(arm: SimRobot) -> None:
    """The gripper is the darkest big thing; its pixels rise with the flange."""
    rows = []
    for height in (0.28, 0.44):
        arm.drive_to(np.array([0.5, 0.0, height]))
        rows.append(np.nonzero(arm.frame().max(axis=-1) < 40)[0].mean())
    assert rows[1] < rows[0] - 20


def test_the_same_moment_gives_the_same_bytes(arm: SimRobot) -> None:
    first = arm.frame()
    assert np.array_equal(arm.frame(), first)
    arm.close()
    assert np.array_equal(arm.frame(), first), "after a new GL context"
    arm.frame("right")
    first[:] = 0  # a picture belongs to its caller
    assert arm.frame().any()


def test_simplified_meshes_look_the_same(arm: SimRobot, full_mesh_arm: SimRobot) -> None:
    """At 128 pixels, the size that models see."""
    assert arm.model.nmeshface < 0.3 * full_mesh_arm.model.nmeshface
    found = []
    for pose in POSES:
        for each in (arm, full_mesh_arm):
            each.drive_to(pose)
        assert np.allclose(arm.state(), full_mesh_arm.state(), atol=1e-6), "collisions differ"
        found.append(structural_similarity(halved(arm.frame()), halved(full_mesh_arm.frame())))
    assert np.mean(found) >= 0.97
    assert min(found) >= 0.96


def test_no_lamp_casts_shadows_so_no_memory_is_kept_for_them(arm: SimRobot) -> None:
    """With a map for shadows, not a byte of the picture changes."""
    assert not arm.model.light_castshadow.any()
    model = copy.copy(arm.model)
    model.vis.quality.shadowsize = 4096
    painter = Painter(model)
    assert np.array_equal(painter.draw(arm.data, "left"), arm.frame())
    painter.close()


def test_reflections_are_left_out_because_nobody_sees_them(arm: SimRobot) -> None:
    """The floor reflects 1 %: a pixel in fifty changes a little; a frame costs a third less."""
    painter = Painter(arm.model)
    flags = painter._renderer.scene.flags
    for seed in range(3):
        arm.new_scene("light", np.random.default_rng(seed))
        flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = 1
        reflecting = painter.draw(arm.data, "left").astype(int)
        difference = np.abs(arm.frame() - reflecting)
        assert difference.max() <= 10
        assert (difference > 0).mean() < 0.03
    painter.close()

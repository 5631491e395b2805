"""Uniform motion in stop motion: half way is half way, and no two pictures look alike."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from armchair.episode import CameraLog, RecordedEpisode
from armchair.sim import objects
from armchair.sim.arm import DOWN
from armchair.sim.behaviours import BEHAVIOURS
from armchair.sim.behaviours.gliding import STILL_ROWS
from armchair.sim.cameras import LEFT_SERIAL, RIGHT_SERIAL
from armchair.sim.posing import stand
from armchair.sim.randomise import LEVELS
from armchair.sim.recorder import Recorder
from armchair.sim.robot import SimRobot
from armchair.sim.scene import SceneConfig
from armchair.worldmodel.pretraining.uniform import PICTURE_ROWS

ROWS = 720


def glided(
    arm: SimRobot, level: str, seed: int = 0, rows: int = ROWS, behaviour: str = "glide"
) -> RecordedEpisode:
    """An episode of uniform motion; pictures of a short one alone."""
    arm.reset()
    arm.new_scene(level, np.random.default_rng(seed))
    recorder = Recorder(arm, ("left", "right") if rows < ROWS else (), LEVELS[level])
    outcome = BEHAVIOURS[behaviour](recorder, np.random.default_rng(seed), rows)
    assert len(recorder) == rows
    return recorder.episode(0, outcome.task, success=outcome.success, simulation={})


@pytest.fixture(scope="module", params=["box", "cup"])
def episode(request: pytest.FixtureRequest) -> RecordedEpisode:
    return glided(SimRobot(SceneConfig(object=request.param)), "light")


def test_half_way_is_the_mean_of_the_ends(episode: RecordedEpisode) -> None:
    states = episode.robot.states.reshape(-1, 3, STILL_ROWS, 7)
    places = np.asarray(episode.simulation["object_pose"])[:, :3].reshape(-1, 3, STILL_ROWS, 3)
    for values in (states[..., [0, 1, 2, 6]], places):
        assert (values == values[:, :, :1]).all(), "a picture is shown for four rows"
        first, middle, last = values[:, :, 0].transpose(1, 0, 2)
        np.testing.assert_allclose(middle, (first + last) / 2, atol=1e-3)
    hand = np.linalg.norm(np.diff(states[:, :, 0, :3], axis=1), axis=2)
    thing = np.linalg.norm(np.diff(places[:, :, 0], axis=1), axis=2)
    kinds = {(bool(h > 1e-3), bool(t > 1e-3)) for h, t in zip(hand[:, 0], thing[:, 0], strict=True)}
    assert kinds == {(True, True), (True, False), (False, True)}
    assert (states[..., :3].min((0, 1, 2)) < [0.38, -0.15, 0.25]).all()
    assert (states[..., :3].max((0, 1, 2)) > [0.60, 0.15, 0.45]).all(), "all about the table"
    assert np.ptp(places[..., :2], axis=(0, 1, 2)).min() > 0.15


def test_what_is_held_goes_with_the_hand(episode: RecordedEpisode) -> None:
    states = episode.robot.states.reshape(-1, 3, STILL_ROWS, 7)[:, :, 0]
    places = np.asarray(episode.simulation["object_pose"]).reshape(-1, 3, STILL_ROWS, 7)[:, :, 0]
    touch = np.asarray(episode.simulation["finger_contacts"]).reshape(-1, 3, STILL_ROWS, 2)[:, :, 0]
    away = states[..., :3] - places[..., :3]
    together = np.ptp(away, axis=1).max(1) < 2e-3
    moves = np.ptp(states[..., :3], axis=1).max(1) > 0.02
    held = together & moves & touch.all((1, 2))
    assert held.any()
    assert not held.all()
    assert np.abs(away[held][..., :2]).max() < 0.06, "between the fingers, or its rim"
    let_go = moves & ~together & touch[:, 0].all(1)
    assert let_go.any()
    assert not touch[~together][:, 1:].any(), "no finger is where the object is, once let go"
    low, high = places[..., 2].min(), places[held][..., 2].max()
    np.testing.assert_allclose(places[~together][..., 2], low, atol=1e-6, err_msg="on the table")
    assert high > low + 0.2


def turned(states: np.ndarray) -> float:
    """Return how far the hand is turned (radians) between any state (..., 7) and the first."""
    turns = Rotation.from_euler("xyz", states[..., 3:6].reshape(-1, 3))
    return float((turns[0].inv() * turns).magnitude().max())


def test_there_are_videos_in_which_the_fingers_alone_move(arm: SimRobot) -> None:
    episode = glided(arm, "light", seed=2, behaviour="glide_fingers")
    states = episode.robot.states.reshape(-1, 3, STILL_ROWS, 7)[:, :, 0]
    assert np.ptp(states[..., :3], axis=(0, 1)).max() < 1e-3
    assert turned(states) < 2e-3
    assert np.ptp(np.asarray(episode.simulation["object_pose"]), axis=0).max() < 1e-6
    assert not np.asarray(episode.simulation["finger_contacts"]).any()
    closed = states[..., 6]
    np.testing.assert_allclose(closed[:, 1], closed[:, [0, 2]].mean(1), atol=1e-3)
    assert np.ptp(closed) > 0.8


def test_every_picture_looks_otherwise(arm: SimRobot) -> None:
    rows = 6 * STILL_ROWS + 2
    for camera in filmed(glided(arm, "light", rows=rows)):
        assert camera.frames is not None
        stills = [camera.frames[row : row + STILL_ROWS] for row in range(0, rows, STILL_ROWS)]
        assert all((still == still[0]).all() for still in stills)
        corner = [still[0, :40, :40].mean((0, 1)) for still in stills]
        poses = [camera.extrinsics[row] for row in range(0, rows, STILL_ROWS)]
        for values in (corner, poses):
            assert len(np.unique(np.round(values, 6), axis=0)) == len(stills)
    for camera in filmed(glided(arm, "none", rows=rows)):
        assert (camera.extrinsics == camera.extrinsics[0]).all(), "level none has no variety"


def filmed(episode: RecordedEpisode) -> list[CameraLog]:
    """Return the left and the right camera."""
    found = {camera.serial: camera for camera in episode.cameras}
    return [found[LEFT_SERIAL], found[RIGHT_SERIAL]]


def test_lamps_and_colours_are_drawn_for_every_picture(
    arm: SimRobot, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, list[np.ndarray]] = {"lamps": [], "tints": [], "table": [], "object": []}

    def note(arm: SimRobot, still: object) -> None:
        model = arm.model
        seen["lamps"].append(model.light_dir.copy())
        seen["tints"].append(model.light_diffuse[0] / model.light_diffuse[0].mean())
        seen["table"].append(model.geom("table_visual").rgba.copy())
        thing = objects.object_geoms(model, drawn=True)[0]
        seen["object"].append(model.geom_rgba[thing].copy())
        restore(arm, still)

    restore = SimRobot.restore
    monkeypatch.setattr(SimRobot, "restore", note)
    glided(arm, "full", rows=6 * STILL_ROWS)
    for name, values in seen.items():
        assert len(values) == 6
        assert len(np.unique(np.round(values, 6), axis=0)) == 6, name


def test_pictures_last_as_long_as_pretraining_takes_them_to() -> None:
    assert STILL_ROWS == PICTURE_ROWS


def test_the_same_seed_glides_alike(arm: SimRobot) -> None:
    one, two, other = (glided(arm, "light", seed).robot.states for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, two)
    assert not np.allclose(one, other)


@pytest.mark.parametrize("gripper", ["robotiq", "panda"])
def test_the_arm_stands_where_it_is_put(gripper: str) -> None:
    arm = SimRobot(SceneConfig(gripper=gripper))
    for closed in (0.0, 0.3, 1.0):
        place = np.array([0.5, -0.1, 0.3 + 0.05 * closed])
        assert stand(arm, place, DOWN, closed)
        before = arm.data.qpos.copy()
        state = arm.state()
        np.testing.assert_allclose(state[:3], place, atol=1e-3)
        np.testing.assert_allclose(arm.flange_rotation, DOWN, atol=5e-3)
        assert state[6] == pytest.approx(closed, abs=1e-6)
        arm.hold(0.5)
        np.testing.assert_allclose(arm.state()[:3], place, atol=4e-3)
        assert arm.state()[6] == pytest.approx(closed, abs=0.02)
        moved = np.abs(arm.data.qpos - before)[: arm.joint_qpos[-1] + 1 + 2]
        assert moved.max() < 0.05, "the linkage hangs together as it does in motion"
    assert not stand(arm, np.array([1.2, 0.0, 0.5]), DOWN, 0.0), "beyond its reach"


def test_an_object_can_stand_in_the_air(arm: SimRobot) -> None:
    objects.place(arm.model, arm.data, np.array([0.5, 0.1]), height=0.3)
    body = arm.data.body(objects.object_body(arm.model))
    np.testing.assert_allclose(body.xpos, [0.5, 0.1, 0.3])


def test_in_some_videos_the_hand_stays(arm: SimRobot) -> None:
    ways = [glided(arm, "none", seed, rows=60) for seed in range(8)]
    ranges = [float(np.ptp(way.robot.states[:, :3], axis=0).max()) for way in ways]
    assert min(ranges) < 1e-3 < 0.1 < max(ranges)
    still = ways[int(np.argmin(ranges))]
    assert turned(still.robot.states) < 2e-3
    assert turned(ways[int(np.argmax(ranges))].robot.states) > 0.01
    assert np.ptp(still.robot.states[:, 6]) > 0.2, "its fingers play"
    assert np.ptp(np.asarray(still.simulation["object_pose"])[:, :2], axis=0).max() > 0.05

"""Where the cameras stand, and that our own matrices say where MuJoCo draws things."""

from __future__ import annotations

import itertools

import mujoco
import numpy as np
import pytest

from armchair.envs.reach import (
    GOAL_HIGH_M,
    GOAL_LOW_M,
    NOMINAL_START_M,
    START_RANGE_M,
    _sample_goal,
)
from armchair.errors import BadValueError
from armchair.poses import euler_to_matrix
from armchair.sim.cameras import (
    PLACEMENTS,
    STANDARD_PLACEMENT,
    CameraPlacement,
    extrinsics,
    intrinsics,
)
from armchair.sim.pictures import FRAME_SIZE
from armchair.sim.randomise import LEVELS, randomise
from armchair.sim.robot import SimRobot
from armchair.sim.scene import OBJECT_NAME, TABLE_CENTRE

GOAL_CORNERS = np.array(list(itertools.product(*zip(GOAL_LOW_M, GOAL_HIGH_M, strict=True))))
HAND_BELOW = np.array([[0.0, 0.0, 0.10], [0.0, 0.0, 0.16]])
"""Where palm and fingertips are below the flange, metres."""
LEFT = PLACEMENTS[STANDARD_PLACEMENT]
RIGHT = LEFT.mirrored


def project(points: np.ndarray, pose: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Pixels (n, 2), x right and y down, of points (n, 3) in the base frame.

    `pose` (6,) is DROID's: the OpenCV camera in the base frame; `matrix` (3, 3) its intrinsics.
    """
    in_camera = (points - pose[:3]) @ euler_to_matrix(pose[3:])
    assert (in_camera[:, 2] > 0).all(), "behind the camera"
    pixels = in_camera @ matrix.T
    return np.asarray(pixels[:, :2] / pixels[:, 2:])


def left_camera(arm: SimRobot) -> tuple[np.ndarray, np.ndarray]:
    """Extrinsics (6,) and intrinsics (3, 3) as the recorder writes them."""
    camera = arm.data.camera("left")
    fovy = float(arm.model.cam_fovy[arm.model.camera("left").id])
    pose = extrinsics(camera.xpos, camera.xmat.reshape(3, 3))
    return pose, intrinsics(fovy, FRAME_SIZE, FRAME_SIZE)


@pytest.mark.parametrize(
    ("angle", "side"), [(0.0, (-1, 0)), (90.0, (0, 1)), (180.0, (1, 0)), (-90.0, (0, -1))]
)
def test_angles_run_clockwise_from_the_base(angle: float, side: tuple[int, int]) -> None:
    """0° at the robot base (-x of the table), 90° on the robot's left (+y)."""
    placement = CameraPlacement(angle_deg=angle)
    offset = (placement.position - placement.look_at)[:2]
    assert np.allclose(offset / np.linalg.norm(offset), side, atol=1e-9)


def test_left_stands_left_and_within_the_angles_of_droid() -> None:
    assert LEFT.position[1] > 0 > RIGHT.position[1]
    x, y = LEFT.position[:2] - TABLE_CENTRE
    assert 35 < np.rad2deg(np.arctan2(y, -x)) < 85


@pytest.mark.parametrize("elevation", [0.0, -10.0, 90.0, float("nan")])
def test_cameras_stay_above_the_table(elevation: float) -> None:
    with pytest.raises(BadValueError, match="elevation"):
        CameraPlacement(elevation_deg=elevation)


def test_extrinsics_have_opencv_axes() -> None:
    """z looks at the target, x is level and to the right, y points down."""
    pose = extrinsics(LEFT.position, LEFT.rotation)
    right, down, forward = euler_to_matrix(pose[3:]).T
    towards = np.array(LEFT.look_at) - LEFT.position
    assert np.allclose(forward, towards / np.linalg.norm(towards))
    assert right[2] == pytest.approx(0.0, abs=1e-9)
    assert down[2] < -0.5
    assert np.allclose(np.cross(right, down), forward), "right-handed"


def test_mujoco_places_the_camera_as_asked(arm: SimRobot) -> None:
    for name, placement in (("left", LEFT), ("right", RIGHT)):
        camera = arm.data.camera(name)
        assert np.allclose(camera.xpos, placement.position)
        assert np.allclose(camera.xmat.reshape(3, 3), placement.rotation, atol=1e-6)


def test_every_corner_of_the_goal_box_lies_in_the_picture(arm: SimRobot) -> None:
    palms = GOAL_CORNERS - HAND_BELOW[0]
    pixels = project(palms, *left_camera(arm))
    assert (pixels > 0).all()
    assert (pixels < FRAME_SIZE).all()


def test_goals_of_the_benchmark_lie_in_the_picture() -> None:
    """Palm and fingertips, with the camera jittered as at level light."""
    level, rng = LEVELS["light"], np.random.default_rng(0)
    matrix = intrinsics(LEFT.fovy_deg, FRAME_SIZE, FRAME_SIZE)
    for _ in range(1000):
        start = NOMINAL_START_M + rng.uniform(-START_RANGE_M, START_RANGE_M, 3)
        goal = _sample_goal(start, rng)
        placement = LEFT.jittered(
            rng.uniform(-1, 1, 3) * level.camera_m, rng.uniform(-1, 1, 3) * level.look_at_m
        )
        pose = extrinsics(placement.position, placement.rotation)
        pixels = project(goal - HAND_BELOW, pose, matrix)
        assert (pixels > 5).all()
        assert (pixels < FRAME_SIZE - 5).all()


def test_a_thing_is_drawn_where_the_matrices_say(arm: SimRobot) -> None:
    """The middle of what changes when the box goes away lies where its middle projects."""
    address = int(arm.model.joint(f"{OBJECT_NAME}_joint0").qposadr[0])
    randomise(arm, LEVELS["full"], np.random.default_rng(3))
    pictures = []
    places = np.array([[0.58, 0.14, 0.10], [0.40, -0.12, 0.05], [0.50, -0.08, 0.32]])
    for place in (*places, [0.5, 0.0, -5.0]):
        arm.data.qpos[address : address + 7] = [*place, 1, 0, 0, 0]
        mujoco.mj_forward(arm.model, arm.data)
        pictures.append(arm.frame().astype(int))
    assert pictures[0].shape == (FRAME_SIZE, FRAME_SIZE, 3)
    wanted = project(places, *left_camera(arm))
    for picture, (x, y) in zip(pictures[:-1], wanted, strict=True):
        changed = np.abs(picture - pictures[-1]).sum(axis=-1) > 60
        window = np.zeros_like(changed)  # shadows elsewhere do not count
        window[int(y) - 20 : int(y) + 21, int(x) - 20 : int(x) + 21] = True
        rows, columns = np.nonzero(changed & window)
        assert len(rows) > 50
        middle = [(columns.min() + columns.max()) / 2, (rows.min() + rows.max()) / 2]
        assert np.allclose(middle, [x, y], atol=3.0)

"""What holds for every task with an object: spaces, seeds, starts that tell nothing of the goal."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from armchair.envs.grasp import FrankaGraspEnv
from armchair.envs.object_task import GRIPPER_NAMES, OBJECT_NAMES, ObjectTask
from armchair.envs.pick_place import NEAR_START_M, FrankaPickPlaceEnv
from armchair.envs.reach_with_object import FrankaReachWithObjectEnv
from armchair.errors import ArmchairError, UnknownNameError
from armchair.sim.hands import HANDS
from armchair.sim.objects import OBJECTS
from tests.envs.conftest import OBJECT_TASKS, MakeTask

ZERO, SOMEWHERE = np.zeros(7), np.array([0.02, 0.01, -0.02, 0, 0, 0, 0])
CASES = [(task, object) for task in OBJECT_TASKS for object in OBJECT_NAMES]
LIFTED_M = 0.03


def assert_same(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> None:
    assert first.keys() == second.keys()
    for key, value in first.items():
        assert np.array_equal(value, second[key]), key


@pytest.mark.parametrize(("task", "object"), CASES)
def test_an_episode_from_its_seed(make_task: MakeTask, task: str, object: str) -> None:
    """Space, start, reward, determinism and pickling, for every task and object."""
    env = make_task(task, object)
    first, info = env.reset(options={"episode": 2})
    assert info == {"rejected_resets": 0}
    assert first in env.observation_space
    assert np.abs(first["frame"].astype(int) - first["goal_frame"]).mean() > 1
    _starts_as_the_benchmark_says(env, first)
    goal_pose = env.goal_object_pose()
    _holds_still(env)
    first_step = env.step(SOMEWHERE)
    assert first_step[1:] == (-_distance(env), False, False, {})

    copy = pickle.loads(pickle.dumps(OBJECT_TASKS[task](object=object, level="light")))
    assert (type(copy), copy.object, copy.level) == (type(env), object, "light")
    copy._given_robot = env.robot
    again, _ = copy.reset(options={"episode": 2})
    assert_same(first, again)
    assert np.array_equal(copy.goal_object_pose(), goal_pose)
    _holds_still(copy)
    step = copy.step(SOMEWHERE)
    assert_same(first_step[0], step[0])
    assert first_step[1:] == step[1:]


@pytest.mark.parametrize(
    ("task", "start", "thing", "goal"),
    [
        ("grasp", [0.4226, 0.0396, 0.3256], [0.4806, -0.0890, 0.0221], [0.4805, -0.0889, 0.0223]),
        ("reach-with", [0.4268, 0.035, 0.3292], [0.4266, 0.0355, 0.1838], [0.4758, 0.212, 0.3438]),
        (
            "pick-place",
            [0.4226, 0.0396, 0.3256],
            [0.4806, -0.089, 0.0221],
            [0.4967, 0.1446, 0.0221],
        ),
    ],
)
def test_the_scene_that_results_were_measured_on(
    make_task: MakeTask, task: str, start: list[float], thing: list[float], goal: list[float]
) -> None:
    """Whoever changes how episodes are drawn changes the benchmark, which then is another."""
    env = make_task(task, "box")
    observation, _ = env.reset(options={"role": "validation", "seed": 0, "episode": 0})
    assert np.allclose(observation["state"][:3], start, atol=1e-3)
    assert np.allclose(env.robot.object_pose()[:3], thing, atol=1e-3)
    assert np.allclose(env.goal_object_pose()[:3], goal, atol=1e-3)


def _holds_still(env: ObjectTask) -> None:
    """Arm and object rest: no motion is left over that would tell where the expert has been."""
    flange, thing = env.robot.state()[:3], env.robot.object_pose()[:3]
    env.hold(0.5)
    assert np.abs(env.robot.state()[:3] - flange).max() < 5e-4
    assert np.abs(env.robot.object_pose()[:3] - thing).max() < 5e-4


def _starts_as_the_benchmark_says(env: ObjectTask, observation: dict[str, np.ndarray]) -> None:
    assert (np.abs(observation["state"][:3] - [0.46, 0.0, 0.36]) <= 0.08).all()
    thing, goal = env.robot.object_pose(), env.goal_object_pose()
    if isinstance(env, FrankaReachWithObjectEnv):
        assert env.robot.held()
        assert env.robot.object_height() > LIFTED_M
        assert 0.10 <= np.linalg.norm(goal[:3] - thing[:3]) <= 0.25
        return
    assert observation["state"][6] < 0.02, "the hand is open"
    assert not env.robot.held()
    assert (np.abs(thing[:2] - [0.5, 0.0]) <= [0.10, 0.15]).all()
    assert np.abs(env.robot.object_height()) < 5e-4
    assert env.robot.object_tilt() < 0.01
    if isinstance(env, FrankaPickPlaceEnv):
        assert np.linalg.norm(goal[:2] - thing[:2]) >= 0.12
        assert (np.abs(goal[:2] - [0.5, 0.0]) <= [0.11, 0.16]).all()
        way = np.abs(observation["state"][:3] - env.robot.grasp_position())
        assert (way <= NEAR_START_M + 0.002).all()
        assert not env.was_grasped()
        assert not env.was_carried()


def _distance(env: ObjectTask) -> float:
    """What the reward is the negative of, metres."""
    if isinstance(env, FrankaGraspEnv):
        return float(np.linalg.norm(env.flange_state()[:3] - env.goal_state()[:3]))
    return float(np.linalg.norm(env.robot.object_pose()[:3] - env.goal_object_pose()[:3]))


def test_three_pictures_in_force_one_after_the_other(make_task: MakeTask) -> None:
    env = make_task("pick-place", "box")
    observation, _ = env.reset(seed=1)
    frames = env.goal_frames()
    assert frames.shape == (3, 256, 256, 3)
    for first, second in ((0, 1), (1, 2), (0, 2)):
        assert np.abs(frames[first].astype(int) - frames[second]).mean() > 1
    shown, ends = [observation["goal_frame"]], []
    for _ in range(18):
        observation, _, terminated, truncated, _ = env.step(ZERO)
        shown.append(observation["goal_frame"])
        ends.append((terminated, truncated))
    for step, frame in enumerate(shown):
        assert np.array_equal(frame, frames[(step >= 4) + (step >= 14)]), step
    assert ends == [(False, False)] * 17 + [(False, True)]


def test_an_expert_that_fails_rejects_the_reset(
    make_task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    env, really = make_task("grasp", "box"), {"grasps": 0}
    grasp = env.robot.expert_grasp

    def clumsy(on_row: Any = None) -> bool:
        really["grasps"] += 1
        return grasp(on_row) and really["grasps"] > 1

    monkeypatch.setattr(env.robot, "expert_grasp", clumsy)
    assert env.reset(options={"episode": 0})[1] == {"rejected_resets": 1}
    monkeypatch.setattr(env.robot, "expert_grasp", lambda on_row=None: False)
    monkeypatch.setattr("armchair.envs.task.MAX_REJECTIONS", 2)
    with pytest.raises(ArmchairError, match="no reachable goal in 2 scenes of level 'light'"):
        env.reset(options={"episode": 0})


@pytest.mark.slow
@pytest.mark.parametrize(("task", "object"), CASES)
def test_frankas_own_hand(task: str, object: str) -> None:
    env = OBJECT_TASKS[task](object=object, gripper="panda")
    env.reset(options={"episode": 1})
    assert env.robot.hand.name == "panda"  # type: ignore[attr-defined]
    env.expert_move()
    assert _distance(env) < 0.03
    assert env.robot.held() != (task == "pick-place")
    env.close()


def test_names_of_objects_and_hands() -> None:
    assert set(OBJECT_NAMES) == set(OBJECTS)
    assert set(GRIPPER_NAMES) == set(HANDS)
    with pytest.raises(UnknownNameError, match=r"unknown gripper 'pandas'\. Did you mean 'panda'"):
        FrankaGraspEnv(gripper="pandas")
    with pytest.raises(UnknownNameError, match=r"unknown object 'cap'\. Did you mean 'cup'"):
        FrankaGraspEnv(object="cap")

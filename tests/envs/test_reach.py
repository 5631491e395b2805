"""FrankaReach-v0: the episode, the benchmark's ranges, and that nothing of the goal leaks."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from armchair.envs.reach import (
    GOAL_DISTANCE_M,
    STEPS,
    FrankaReachEnv,
)
from armchair.envs.spaces import STEP_M
from armchair.errors import ArmchairError, BadValueError, UnknownNameError
from armchair.poses import check_states
from armchair.sim.robot import SimRobot

ZERO = np.zeros(7)


class BlindRobot(SimRobot):
    """Draws nothing: for tests of where the arm is."""

    def frame(self, camera: str = "left") -> np.ndarray:
        return np.zeros((256, 256, 3), np.uint8)


@pytest.fixture(scope="module")
def blind() -> FrankaReachEnv:
    return FrankaReachEnv(robot=BlindRobot())


def assert_same(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> None:
    assert first.keys() == second.keys()
    for key, value in first.items():
        assert np.array_equal(value, second[key]), key


def some_actions(env: FrankaReachEnv, seed: int, count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.uniform(-0.5, 0.5, 7) * env.action_space.high for _ in range(count)]


def test_the_seed_decides_reset_and_steps(env: FrankaReachEnv) -> None:
    runs = []
    for _ in range(2):
        seen = [env.reset(seed=7)[0]]
        results = [env.step(action) for action in some_actions(env, 0, 2)]
        runs.append((seen + [r[0] for r in results], [r[1:] for r in results], env.goal_state()))
    for first, second in zip(runs[0][0], runs[1][0], strict=True):
        assert_same(first, second)
    assert runs[0][1] == runs[1][1]
    assert np.array_equal(runs[0][2], runs[1][2])


def test_observations_lie_in_the_space_while_roll_crosses_the_cut(env: FrankaReachEnv) -> None:
    observation, _ = env.reset(seed=0)
    assert observation in env.observation_space
    signs = set()
    for roll in (0.2, -0.4, 0.2, 0.2):
        observation, *_ = env.step(np.array([0, 0, 0, roll, 0, 0, 0.5]))
        assert observation in env.observation_space
        check_states(observation["state"], "observation")
        signs.add(np.sign(observation["state"][3]))
    assert signs == {-1.0, 1.0}


def test_ten_steps_and_never_terminated(env: FrankaReachEnv) -> None:
    env.reset(seed=1)
    ends = [env.step(ZERO)[2:4] for _ in range(STEPS)]
    assert ends == [(False, False)] * 9 + [(False, True)]
    env.reset(seed=1)
    assert env.step(ZERO)[2:4] == (False, False), "the count starts anew"


def test_nothing_of_the_goal_is_seen_but_its_picture(env: FrankaReachEnv) -> None:
    observation, info = env.reset(seed=2)
    goal = env.goal_state()
    assert set(info) == {"rejected_resets"}
    assert set(observation) == {"frame", "state", "goal_frame"}
    assert np.array_equal(observation["state"], env.robot.state())
    assert not np.array_equal(observation["goal_frame"], observation["frame"])
    stepped, reward, _, _, info = env.step(ZERO)
    assert info == {}
    assert np.array_equal(stepped["goal_frame"], observation["goal_frame"])
    assert reward == -np.linalg.norm(stepped["state"][:3] - goal[:3])
    goal[:] = 0
    stepped["goal_frame"][:] = 0
    assert env.goal_state().any(), "callers get copies"
    assert env.step(ZERO)[0]["goal_frame"].any()


def test_the_start_does_not_tell_where_the_arm_came_from(blind: FrankaReachEnv) -> None:
    """After reset the arm rests: without a command nothing moves towards or from the goal."""
    for episode in range(3):
        before = blind.reset(options={"episode": episode})[0]["state"]
        blind.hold(1.0)
        assert np.abs(blind.robot.state()[:3] - before[:3]).max() < 5e-4


def test_start_and_goal_lie_within_the_benchmark(blind: FrankaReachEnv) -> None:
    for episode in range(12):
        observation, _ = blind.reset(options={"role": "validation", "episode": episode})
        start, goal = observation["state"], blind.goal_state()
        assert (np.abs(start[:3] - [0.46, 0.0, 0.36]) <= 0.08).all()
        assert 0.10 <= np.linalg.norm(goal[:3] - start[:3]) <= 0.25


def test_the_scene_that_results_were_measured_on(blind: FrankaReachEnv) -> None:
    """Whoever changes how episodes are drawn changes the benchmark, which then is another."""
    observation, _ = blind.reset(options={"role": "validation", "seed": 0, "episode": 0})
    assert np.allclose(observation["state"][:3], [0.4226, 0.0396, 0.3254], atol=1e-3)
    assert np.allclose(blind.goal_state()[:3], [0.4757, 0.2115, 0.4899], atol=1e-3)


def test_the_goal_picture_is_what_the_camera_sees_at_the_goal(env: FrankaReachEnv) -> None:
    observation, _ = env.reset(seed=3)
    assert env.expert_move() < 0.005
    env.hold(1.0)
    off = np.abs(env.robot.frame().astype(int) - observation["goal_frame"]).mean()
    away = np.abs(observation["frame"].astype(int) - observation["goal_frame"]).mean()
    assert off < 0.1 * away


def test_the_constrained_expert_arrives_within_a_centimetre(blind: FrankaReachEnv) -> None:
    for episode in range(5):
        blind.reset(options={"role": "test", "seed": 99, "episode": episode})
        goal = blind.goal_state()
        for _ in range(STEPS):
            action = np.zeros(7)
            action[:3] = np.clip(goal[:3] - blind.robot.state()[:3], -STEP_M, STEP_M)
            blind.step(action)
        blind.hold(1.0)
        assert np.linalg.norm(blind.flange_state()[:3] - goal[:3]) < 0.01


def drawn(env: FrankaReachEnv, **options: Any) -> np.ndarray:
    """Start and goal of a reset."""
    start = env.reset(seed=int(env.np_random.integers(1000)), options=options)[0]["state"]
    return np.concatenate([start, env.goal_state()])


def test_benchmark_options_decide_everything(blind: FrankaReachEnv) -> None:
    wanted = drawn(blind, role="validation", seed=3, episode=4)
    assert np.array_equal(drawn(blind, role="validation", seed=3, episode=4), wanted)
    assert np.array_equal(drawn(blind, seed=3, episode=4), wanted), "validation is the default"
    others = [
        drawn(blind, role="test", seed=3, episode=4),
        drawn(blind, role="train", seed=3, episode=4),
        drawn(blind, role="validation", seed=4, episode=4),
        drawn(blind, role="validation", seed=3, episode=5),
        drawn(blind, seed=3),
    ]
    for other in others:
        assert not np.allclose(other[:3], wanted[:3], atol=1e-3)
        assert not np.allclose(other[7:10], wanted[7:10], atol=1e-3)


def test_the_level_changes_the_looks(env: FrankaReachEnv) -> None:
    frames = [
        env.reset(options={"episode": 1, "level": level})[0]["frame"] for level in ("none", "full")
    ]
    assert np.abs(frames[0].astype(int) - frames[1]).mean() > 5


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"level": "ligth"}, UnknownNameError, "unknown level 'ligth'. Did you mean 'light'"),
        ({"role": "tests"}, UnknownNameError, "unknown role 'tests'. Did you mean 'test'"),
        ({"epsiode": 1}, UnknownNameError, "unknown reset option 'epsiode'. Did you mean"),
        ({"episode": -1}, BadValueError, "episode -1 is no whole number"),
        ({"episode": "1"}, BadValueError, "episode '1' is no whole number"),
    ],
)
def test_bad_reset_options(
    blind: FrankaReachEnv, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        blind.reset(options=options)


def test_bad_actions_move_nothing(blind: FrankaReachEnv) -> None:
    blind.reset(seed=0)
    before = blind.robot.state()
    for action in (np.zeros(6), np.full(7, np.nan), np.array([50.0, 0, 0, 0, 0, 0, 0])):
        with pytest.raises(BadValueError):
            blind.step(action)
    assert np.array_equal(blind.robot.state(), before)


def test_before_reset_there_is_no_goal(robot: SimRobot) -> None:
    env = FrankaReachEnv(robot=robot)
    before = robot.state()
    with pytest.raises(ArmchairError, match=r"call reset\(\) first"):
        env.goal_state()
    with pytest.raises(ArmchairError, match=r"call reset\(\) first"):
        env.step(np.full(7, 0.05))
    assert np.array_equal(robot.state(), before)


class OtherRobot(BlindRobot):
    """Says its state in its own way and comes to rest beside where it is driven."""

    def __init__(self, scale: float = 1.0, closed: float = 0.0, beside_m: float = 0.0) -> None:
        super().__init__()
        self.scale, self.closed, self.beside_m = scale, closed, beside_m

    def state(self) -> np.ndarray:
        state = super().state()
        return np.concatenate([self.scale * state[:3], state[3:6], state[6:] + self.closed])

    def drive_to(self, position: np.ndarray, closed: float = 0.0) -> float:
        return super().drive_to(position + np.array([self.beside_m, 0.0, 0.0]), closed)


@pytest.mark.parametrize(
    ("units", "line"),
    [
        ({"closed": 0.08}, "gripper is 0.08 with the hand open, expected 0"),
        ({"scale": 1000.0}, "millimetres"),
    ],
)
def test_a_robot_with_other_units_is_refused_at_reset(units: dict[str, float], line: str) -> None:
    with pytest.raises(BadValueError, match=line):
        FrankaReachEnv(robot=OtherRobot(**units)).reset(seed=0)


def test_a_robot_that_comes_to_rest_beside() -> None:
    robot = OtherRobot(beside_m=0.003)
    with pytest.raises(ArmchairError, match=r"last came to rest [23]\.\d mm from where it was dri"):
        FrankaReachEnv(robot=robot).reset(seed=0)
    env = FrankaReachEnv(robot=robot, arrived_m=0.005)
    env.reset(seed=0)
    low, high = GOAL_DISTANCE_M
    assert low <= np.linalg.norm(env.goal_state()[:3] - env.flange_state()[:3]) <= high
    with pytest.raises(BadValueError, match=r"arrived_m is 0\.5, expected metres above 0"):
        FrankaReachEnv(arrived_m=0.5)


def test_unknown_render_mode() -> None:
    with pytest.raises(ArmchairError, match="'ansi' is unknown; choose 'rgb_array', 'human'"):
        FrankaReachEnv(render_mode="ansi")


def test_rgb_array_is_the_present_picture(robot: SimRobot) -> None:
    env = FrankaReachEnv(render_mode="rgb_array", robot=robot)
    observation, _ = env.reset(seed=0)
    assert np.array_equal(env.render(), observation["frame"])
    observation, *_ = env.step(np.array([0, 0.05, 0, 0, 0, 0, 0]))
    assert np.array_equal(env.render(), observation["frame"])


def test_without_a_render_mode_nothing_is_rendered(env: FrankaReachEnv) -> None:
    assert env.render() is None


def test_closing_twice_and_going_on(env: FrankaReachEnv) -> None:
    first, _ = env.reset(seed=5)
    env.close()
    env.close()
    assert_same(env.reset(seed=5)[0], first)


def test_a_pickled_task_is_the_same_task(env: FrankaReachEnv) -> None:
    fresh = FrankaReachEnv(level="none", render_mode="rgb_array")
    fresh.reset(seed=5)
    copy = pickle.loads(pickle.dumps(fresh))
    assert (copy.level, copy.render_mode) == ("none", "rgb_array")
    env.level = "none"
    assert_same(copy.reset(seed=5)[0], env.reset(seed=5)[0])
    copy.close()
    fresh.close()

"""What Gymnasium promises: ids by `import armchair`, its checker, vector environments, spawn."""

from __future__ import annotations

import subprocess
import sys

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import armchair  # noqa: F401  (registers the tasks)
from armchair.envs.object_task import OBJECT_NAMES
from armchair.envs.registration import register

REACH = "armchair/FrankaReach-v0"
TASKS = [name for name in gym.registry if name.startswith("armchair/")]
VARIANTS = [
    pytest.param(name, options, marks=() if name == REACH else pytest.mark.slow)
    for name in TASKS
    for options in ([{}] if name == REACH else [{"object": thing} for thing in OBJECT_NAMES])
]
"""Every id with every object; tests/envs/test_object_tasks.py holds the quick tests of these."""

LAZY = f"""
import sys, gymnasium
import armchair
assert {REACH!r} in gymnasium.registry
env = gymnasium.make({REACH!r})
heavy = {{"mujoco", "robosuite", "torch", "transformers"}} & set(sys.modules)
assert not heavy, heavy
"""


def test_the_tasks_are_registered_once() -> None:
    assert sorted(TASKS) == [
        "armchair/FrankaGrasp-v0",
        "armchair/FrankaPickPlace-v0",
        "armchair/FrankaReach-v0",
        "armchair/FrankaReachWithObject-v0",
    ]
    register()
    assert [name for name in gym.registry if name.startswith("armchair/")] == TASKS


def test_importing_and_making_loads_no_simulator() -> None:
    """MuJoCo comes with the first reset, in the process that steps."""
    subprocess.run([sys.executable, "-c", LAZY], check=True)


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_gymnasium_has_no_complaint(name: str, options: dict[str, str]) -> None:
    """Warnings are errors here. The window of render mode human has a test of its own."""
    env = gym.make(name, render_mode="rgb_array", **options)
    check_env(env.unwrapped, skip_render_check=True)
    env.close()


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_wrapped_as_users_have_it(name: str, options: dict[str, str]) -> None:
    with gym.make(name, render_mode="rgb_array", **options) as env:
        observation, _ = env.reset(seed=0)
        assert observation in env.observation_space
        assert env.render().shape == (256, 256, 3)
        assert env.step(np.zeros(7))[0] in env.observation_space
        assert env.unwrapped.goal_state().shape == (7,)


def steps(env: gym.vector.VectorEnv) -> list[np.ndarray]:
    """What two environments show after a reset and a step."""
    observation, _ = env.reset(seed=[3, 4])
    actions = np.array([[0.05, 0, 0, 0, 0, 0, 0], [0, 0, 0.05, 0, 0, 0, 0]])
    stepped, rewards, terminated, truncated, _ = env.step(actions)
    assert not terminated.any()
    assert not truncated.any()
    found = [observation["state"], observation["frame"], stepped["state"], stepped["frame"]]
    return [*found, rewards]


def test_vector_environments_agree_with_each_other_and_with_one() -> None:
    synchronous = gym.make_vec(REACH, num_envs=2, vectorization_mode="sync")
    try:
        first = steps(synchronous)
    finally:
        synchronous.close()
    assert first[1].shape == (2, 256, 256, 3)
    with gym.make(REACH) as single:
        observation, _ = single.reset(seed=4)
        assert np.array_equal(observation["state"], first[0][1])
        assert np.array_equal(observation["frame"], first[1][1])


def test_vector_environments_in_spawned_processes() -> None:
    env = gym.make_vec(
        REACH, num_envs=2, vectorization_mode="async", vector_kwargs={"context": "spawn"}
    )
    try:
        found = steps(env)
    finally:
        env.close()
    assert found[1].shape == (2, 256, 256, 3)
    assert not np.array_equal(found[0][0], found[0][1])
    with gym.make(REACH) as single:
        assert np.array_equal(single.reset(seed=3)[0]["state"], found[0][0])


@pytest.mark.slow
@pytest.mark.parametrize(("name", "options"), VARIANTS[1:])
def test_vector_environments_of_tasks_with_an_object(name: str, options: dict[str, str]) -> None:
    """In this process and in spawned ones: the same episodes."""
    found = []
    for mode, settings in (("sync", {}), ("async", {"context": "spawn"})):
        env = gym.make_vec(
            name, num_envs=2, vectorization_mode=mode, vector_kwargs=settings, **options
        )
        try:
            found.append(steps(env))
        finally:
            env.close()
    for first, second in zip(*found, strict=True):
        assert np.array_equal(first, second)

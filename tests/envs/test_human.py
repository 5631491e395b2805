"""The window: a clear error where none can be opened, and a real one under a virtual display."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from armchair.envs.reach import FrankaReachEnv
from armchair.errors import ArmchairError
from armchair.sim.robot import SimRobot

EPISODE = """
import warnings
warnings.simplefilter("error")
import gymnasium, numpy
import armchair
env = gymnasium.make("armchair/FrankaReach-v0", render_mode="human")
observation, _ = env.reset(seed=1)
assert observation["frame"].std() > 20, "pictures are drawn beside the window"
env.step(numpy.zeros(7))
assert env.render() is None
env.close()
env.close()
print("shown")
"""


@pytest.mark.skipif(os.environ.get("MUJOCO_GL") == "glfw", reason="windows are open already")
@pytest.mark.parametrize("display", [None, "", ":4711"])
def test_no_display_is_one_clear_error(
    robot: SimRobot, monkeypatch: pytest.MonkeyPatch, display: str | None
) -> None:
    """GLFW, left alone, would end the whole process."""
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("DISPLAY", raising=False)
    if display is not None:
        monkeypatch.setenv("DISPLAY", display)
    env = FrankaReachEnv(render_mode="human", robot=robot)
    with pytest.raises(ArmchairError, match=r"no window can be opened.*DISPLAY.*rgb_array"):
        env.reset(seed=0)
    env.close()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("xvfb-run") is None, reason="needs xvfb-run, a virtual display")
def test_an_episode_is_shown_in_a_window() -> None:
    command = ["xvfb-run", "-a", sys.executable, "-c", EPISODE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "shown\n"

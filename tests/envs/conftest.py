"""One simulated arm for all tests of the tasks: to compile the scene takes seconds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from armchair.envs.reach import FrankaReachEnv
from armchair.sim.robot import SimRobot


@pytest.fixture(scope="session")
def robot() -> Iterator[SimRobot]:
    robot = SimRobot()
    yield robot
    robot.close()


@pytest.fixture
def env(robot: SimRobot) -> FrankaReachEnv:
    """The task itself, without Gymnasium's wrappers; it may be closed."""
    return FrankaReachEnv(robot=robot)

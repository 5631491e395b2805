"""One simulated arm per object for all tests of the tasks: to compile the scene takes seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from armchair.envs.grasp import FrankaGraspEnv
from armchair.envs.object_task import ObjectTask
from armchair.envs.pick_place import FrankaPickPlaceEnv
from armchair.envs.reach import FrankaReachEnv
from armchair.envs.reach_with_object import FrankaReachWithObjectEnv
from armchair.sim.object_robot import SimObjectRobot
from armchair.sim.robot import SimRobot

OBJECT_TASKS: dict[str, type[ObjectTask]] = {
    "grasp": FrankaGraspEnv,
    "reach-with": FrankaReachWithObjectEnv,
    "pick-place": FrankaPickPlaceEnv,
}
MakeTask = Callable[[str, str], ObjectTask]


@pytest.fixture(scope="session")
def robot() -> Iterator[SimRobot]:
    robot = SimRobot()
    yield robot
    robot.close()


@pytest.fixture
def env(robot: SimRobot) -> FrankaReachEnv:
    """The task itself, without Gymnasium's wrappers; it may be closed."""
    return FrankaReachEnv(robot=robot)


@pytest.fixture(scope="session")
def object_robots() -> Iterator[dict[str, SimObjectRobot]]:
    """Arms by object, made when first asked for."""
    robots: dict[str, SimObjectRobot] = {}
    yield robots
    for made in robots.values():
        made.close()


@pytest.fixture
def make_task(object_robots: dict[str, SimObjectRobot]) -> MakeTask:
    """Return a task with an object, by name and object, over the shared arm."""

    def make(task: str, object: str) -> ObjectTask:
        if object not in object_robots:
            object_robots[object] = SimObjectRobot(object)
        return OBJECT_TASKS[task](object=object, robot=object_robots[object])

    return make

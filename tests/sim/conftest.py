"""One simulated arm for all tests of the simulator: to compile the scene takes seconds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from armchair.sim.collect import collect
from armchair.sim.robot import SimRobot
from tests.sim.collecting import TINY


@pytest.fixture(scope="session")
def compiled_arm() -> Iterator[SimRobot]:
    """The arm itself; tests take `arm`."""
    arm = SimRobot()
    yield arm
    arm.close()


@pytest.fixture
def arm(compiled_arm: SimRobot) -> SimRobot:
    """An arm in DROID's reset pose in a scene of level none, box on the table."""
    compiled_arm.new_scene("none", np.random.default_rng(0))
    return compiled_arm


@pytest.fixture(scope="session")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tiny episodes, made in order by this process; tests leave them as they are."""
    root = tmp_path_factory.mktemp("collected")
    assert list(collect(TINY, root)) == [0, 1]
    return root

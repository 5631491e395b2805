"""The environments' arm: a level is the same there as in a collection."""

from __future__ import annotations

import numpy as np

from armchair.sim.distractors import AWAY_Z_M, distractor_geoms
from armchair.sim.randomise import LEVELS, randomise
from armchair.sim.robot import SimRobot
from armchair.sim.scene import SceneConfig

SEED = 2
"""Draws two distractors at level full."""


def light_frame(robot: SimRobot) -> np.ndarray:
    robot.new_scene("light", np.random.default_rng(SEED))
    return robot.frame()


def test_full_has_patterns_and_distractors_and_light_is_as_before() -> None:
    robot = SimRobot()
    before = light_frame(robot)
    assert not distractor_geoms(robot.model)
    robot.new_scene("full", np.random.default_rng(SEED))
    geoms = distractor_geoms(robot.model)
    assert (robot.data.geom_xpos[geoms, 2] > AWAY_Z_M).any()
    full = robot.frame()

    collected = SimRobot(SceneConfig(variety=True))  # as a collection compiles it
    randomise(collected, LEVELS["full"], np.random.default_rng(SEED))
    assert np.array_equal(collected.frame(), full)
    collected.close()

    assert np.array_equal(light_frame(robot), before)
    assert not distractor_geoms(robot.model)
    robot.close()

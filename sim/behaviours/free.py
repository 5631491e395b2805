"""Without an object: random play, random steps and reaches, the data of the first shipped model.

The image of a simulated arm depends on its pose alone, so what matters is that poses, and the
changes between them, cover the workspace and the planner's whole box.
"""

from __future__ import annotations

import numpy as np

from armchair.sim.arm import MAX_MOVE_ROWS, SimArm
from armchair.sim.behaviours.registry import (
    BEHAVIOURS,
    FLANGE_HIGH,
    FLANGE_LOW,
    STEP_M,
    Array,
    Outcome,
)
from armchair.sim.recorder import Recorder

FREE = ("play", "steps", "reach")
"""Behaviours that care for no object, and may start anywhere."""


@BEHAVIOURS.add("play")
def play(recorder: Recorder, rng: np.random.Generator, rows: int) -> Outcome:
    """Wander without stopping: a new target every 3–12 rows, the gripper now and then."""
    while len(recorder) < rows:
        recorder.step_starts.append(len(recorder))
        _command(recorder.arm, rng.uniform(-1, 1, 3) * rng.uniform(0.03, 0.16), rng)
        for _ in range(min(int(rng.integers(3, 13)), rows - len(recorder))):
            recorder.row()
    return Outcome(task="random play", success=True)


@BEHAVIOURS.add("steps")
def steps(recorder: Recorder, rng: np.random.Generator, rows: int) -> Outcome:
    """Random actions from the planner's whole box, each one settled: what planning asks about."""
    while len(recorder) < rows:
        recorder.step_starts.append(len(recorder))
        _command(recorder.arm, rng.uniform(-STEP_M, STEP_M, 3), rng)
        _settle(recorder, rows)
    return Outcome(task="random steps", success=True, settled=True)


@BEHAVIOURS.add("reach")
def reach(recorder: Recorder, rng: np.random.Generator, rows: int) -> Outcome:
    """Go to random places one after another, each in settled moves of at most 16 cm an axis."""
    reached, goal = True, recorder.arm.state()
    while len(recorder) < rows:
        goal = recorder.arm.state()
        goal[:3] = rng.uniform(FLANGE_LOW, FLANGE_HIGH)
        reached = False
        while len(recorder) < rows and not reached:
            recorder.step_starts.append(len(recorder))
            _command(recorder.arm, goal[:3] - recorder.arm.flange_position, rng)
            _settle(recorder, rows)
            reached = bool(np.linalg.norm(goal[:3] - recorder.arm.flange_position) < 0.02)
    return Outcome(task="reach a place", success=reached, goal=goal, settled=True)


def _command(arm: SimArm, delta: Array, rng: np.random.Generator) -> None:
    """Command a change of position (3,), metres, in the workspace; gripper one time in four."""
    action = np.zeros(7)
    target = np.clip(arm.flange_position + delta, FLANGE_LOW, FLANGE_HIGH)
    action[:3] = np.clip(target - arm.flange_position, -0.16, 0.16)
    if rng.random() < 0.25:
        action[6] = rng.uniform(-1, 1)
    arm.set_target(action)


def _settle(recorder: Recorder, rows: int) -> None:
    for _ in range(MAX_MOVE_ROWS):
        recorder.row()
        if len(recorder) >= rows or recorder.arm.settled():
            return

"""What the arm does while it is recorded: random play and reaches, moving or in settled steps.

A behaviour yields rows to a recorder until its time is up. The image of a simulated arm depends on
its pose alone, so what matters is that poses, and the changes between them, cover the workspace
and the planner's whole box.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from armchair.registry import Registry
from armchair.sim.arm import MAX_MOVE_ROWS, SimArm
from armchair.sim.recorder import Recorder

Array = NDArray[np.float64]

FLANGE_LOW = np.array([0.32, -0.24, 0.20])
FLANGE_HIGH = np.array([0.64, 0.24, 0.52])
"""Where the flange plays, metres; the fingertips hang 0.16 m below it."""
STEP_M = 0.075
"""The planner's bound per axis (figure 8 of the paper)."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What an episode was about: its DROID task text, success, and the goal state (7,) if any."""

    task: str
    success: bool
    goal: Array | None = None


Behaviour = Callable[[Recorder, np.random.Generator, int], Outcome]
BEHAVIOURS: Registry[Behaviour] = Registry("behaviour")


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
    return Outcome(task="random steps", success=True)


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
    return Outcome(task="reach a place", success=reached, goal=goal)


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

"""Moves the arm through waypoints while it is recorded: at 15 Hz, or in settled blocking steps.

A settled step is an action as planners take it: at most `STEP_M` an axis and `GRIPPER_STEP` of
closedness, no rotation, then rows until the flange rests. Steps are often shorter than they could
be, so that their sizes fill the planner's whole box.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from armchair.sim.arm import MAX_MOVE_ROWS
from armchair.sim.behaviours.registry import GRIPPER_STEP, STEP_M, Array
from armchair.sim.gripper import DEADBAND
from armchair.sim.recorder import Recorder

SETTLED_SHARE = 0.5
"""How often a behaviour that can do both moves in settled steps."""
SHORT_STEPS = (0.35, 1.0)
"""Share of the way, or of the bound if that is less, that one settled step goes."""
LEAD_M = (0.04, 0.09)
"""How far ahead of the flange the 15 Hz command runs: 0.2 to 0.5 m/s."""
ARRIVED_M = 0.008
MAX_STEPS, MAX_LEG_ROWS = 14, 50
"""Per waypoint: whoever is stuck on an obstacle gives up."""
STUCK_M = 0.004
"""A settled step that got no nearer than this to its waypoint is stuck."""
FINGER_ROWS = 6
"""Rows at 15 Hz that the fingers need from open to closed."""


class Mover:
    """One episode's way of moving. Quiet movers record nothing: for what comes before row 0."""

    def __init__(
        self, recorder: Recorder, rng: np.random.Generator, rows: int, *, quiet: bool = False
    ) -> None:
        self.arm, self.rng, self.rows = recorder.arm, rng, rows
        self.settled = not quiet and bool(rng.random() < SETTLED_SHARE)
        self._recorder, self.quiet = recorder, quiet
        self._advance: Callable[[], None] = self.arm.row if quiet else recorder.row

    def over(self) -> bool:
        """Whether all rows are recorded; a quiet mover is never over."""
        return not self.quiet and len(self._recorder) >= self.rows

    def go(self, place: Array, grip: float = 0.0) -> bool:
        """Go to a flange position (3,), metres; the first action also moves the gripper by `grip`.

        Returns whether it arrived.
        """
        lead = self.rng.uniform(*LEAD_M)
        self._start_leg()
        for _ in range(MAX_STEPS if self.settled else MAX_LEG_ROWS):
            way = place - self.arm.flange_position
            apart = float(np.linalg.norm(way))
            if apart < ARRIVED_M or self.over():
                return apart < ARRIVED_M
            if not self.settled:
                self._row(way * min(1.0, lead / apart), grip)
            else:
                self.step(self._part_of(way), grip)
                if np.linalg.norm(place - self.arm.flange_position) > apart - STUCK_M:
                    return False
            grip = 0.0
        return False

    def rise(self, metres: float) -> bool:
        """Go straight up, or down if negative; returns whether it arrived."""
        return self.go(self.arm.flange_position + np.array([0.0, 0.0, metres]))

    def step(self, way: Array, grip: float = 0.0) -> None:
        """One settled action: a change of position (3,), metres, and of the gripper."""
        if self.over():
            return
        self._mark()
        change = float(np.clip(grip, -1, 1) * GRIPPER_STEP)
        self._command(np.clip(way, -STEP_M, STEP_M), change)
        for _ in range(MAX_MOVE_ROWS):
            self._advance()
            if self.over() or self.arm.settled(fingers=abs(change) >= DEADBAND):
                return

    def wait(self, rows: int) -> None:
        """Hold still for a number of rows."""
        for _ in range(rows):
            if not self.over():
                self._advance()

    def fingers(self, closing: bool) -> None:
        """Close or open the hand where it is, in actions of random size, until it stops moving."""
        sign = 1.0 if closing else -1.0
        self._start_leg()
        for _ in range(4):
            before = self.arm.state()[6]
            size = sign * self.rng.uniform(0.6, 1.0)
            if self.settled:
                self.step(np.zeros(3), size)
            else:
                self._row(np.zeros(3), size)
                self.wait(FINGER_ROWS)
            if self.over() or abs(self.arm.state()[6] - before) < 0.05:
                return

    def wander(self, low: Array, high: Array, actions: int, grip: float = 0.0) -> None:
        """Random moves between two corners (3,), metres; `grip` is the chance of a gripper move."""
        for _ in range(actions):
            if self.over():
                return
            way = self.rng.uniform(-STEP_M, STEP_M, 3)
            way = np.clip(self.arm.flange_position + way, low, high) - self.arm.flange_position
            play = 0.0
            if self.rng.random() < grip:  # to any closedness: as often opening as closing
                play = float(self.rng.random() - self.arm.state()[6]) / GRIPPER_STEP
            if self.settled:
                self.step(way, play)
                continue
            self._start_leg()
            self._row(2 * way, play)
            self.wait(int(self.rng.integers(1, 8)))

    def _row(self, way: Array, grip: float) -> None:
        if self.over():
            return
        self._command(way, float(np.clip(grip, -1, 1) * GRIPPER_STEP))
        self._advance()

    def _part_of(self, way: Array) -> Array:
        """Return the part of a way (3,) that one settled step goes."""
        share = min(1.0, STEP_M / np.abs(way).max())
        return np.asarray(way * share * self.rng.uniform(*SHORT_STEPS) ** 0.5)

    def _command(self, way: Array, grip: float) -> None:
        noise = self.rng.normal(0.0, 1.0, 3) * self._recorder.level.action_noise_m
        self.arm.set_target(np.concatenate([way + noise, np.zeros(3), [grip]]))

    def _start_leg(self) -> None:
        if not self.settled:
            self._mark()

    def _mark(self) -> None:
        if not self.quiet and not self.over():
            self._recorder.step_starts.append(len(self._recorder))

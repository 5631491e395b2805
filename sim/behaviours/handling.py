"""With the object in the hand: grasp, carry, place, and recovery after a miss.

Each repeats its script until the rows are used up, with noise at every waypoint. Now and then the
noise is large, and the hand closes on nothing: such failures stay in, as they do in DROID.
"""

from __future__ import annotations

import numpy as np

from armchair.sim.behaviours.mover import Mover
from armchair.sim.behaviours.registry import BEHAVIOURS, FLANGE_HIGH, FLANGE_LOW, Array, Outcome
from armchair.sim.behaviours.things import (
    HOVER_M,
    PLACED_M,
    clear_of,
    grasp_position,
    is_lifted,
    object_name,
    object_position,
    on_table,
    resting_height,
)
from armchair.sim.recorder import Recorder

CAREFUL_M, CARELESS_M, CARELESS_SHARE = 0.004, 0.03, 0.25
"""Standard deviation of a grasp's place in the plane, and how often it is the large one."""
ABOVE_LOW = np.array([*FLANGE_LOW[:2], HOVER_M])
"""Lower corner of where the open hand wanders before a grasp, metres."""
MISS_M = (0.03, 0.06)
"""How far beside the object a deliberate miss closes, beyond where closed fingers are clear of it:
open ones are wider."""
TRIES = 3
PLACE_LOW, PLACE_HIGH = np.array([0.38, -0.18]), np.array([0.60, 0.18])
"""Where things are put down, metres on the table."""


@BEHAVIOURS.add("grasp")
def grasp(recorder: Recorder, rng: np.random.Generator, rows: int) -> Outcome:
    """Pick the object up, put it down, again and again; success: the last try that was finished."""
    mover, lifted = Mover(recorder, rng, rows), False
    while not mover.over():
        held = pick(mover)
        lifted = lifted if mover.over() else held
        if held:
            mover.wander(FLANGE_LOW, FLANGE_HIGH, int(rng.integers(0, 5)))
            put_down(mover, object_position(mover.arm)[:2])
        else:
            back_off(mover)
    return _outcome(mover, "pick up the", lifted)


@BEHAVIOURS.add("carry")
def carry(recorder: Recorder, rng: np.random.Generator, rows: int) -> Outcome:
    """Move about with the object in the hand from row 0; success: it is still there at the end."""
    _start_in_hand(recorder, rng)
    mover = Mover(recorder, rng, rows)
    while not mover.over():
        if not is_lifted(mover.arm):
            back_off(mover)
            pick(mover)
        elif rng.random() < 0.5:
            mover.wander(FLANGE_LOW, FLANGE_HIGH, int(rng.integers(2, 8)))
        else:
            mover.go(rng.uniform(FLANGE_LOW, FLANGE_HIGH))
    return _outcome(mover, "carry the", is_lifted(mover.arm))


@BEHAVIOURS.add("place")
def place(recorder: Recorder, rng: np.random.Generator, rows: int) -> Outcome:
    """Put the object down at one place after another; success: the last one that was finished."""
    _start_in_hand(recorder, rng)
    mover, placed = Mover(recorder, rng, rows), False
    while not mover.over():
        if not is_lifted(mover.arm) and not pick(mover):
            back_off(mover)
            continue
        target = rng.uniform(PLACE_LOW, PLACE_HIGH)
        put_down(mover, target)
        if not mover.over():
            apart = np.linalg.norm(object_position(mover.arm)[:2] - target)
            placed = bool(apart < PLACED_M) and not is_lifted(mover.arm)
    return _outcome(mover, "place the", placed)


@BEHAVIOURS.add("recover")
def recover(recorder: Recorder, rng: np.random.Generator, rows: int) -> Outcome:
    """Close beside the object, notice, open, and grasp it; success: it was lifted after a miss."""
    mover, lifted = Mover(recorder, rng, rows), False
    while not mover.over():
        pick(mover, beside=_miss(mover))
        if not is_lifted(mover.arm):
            mover.fingers(closing=False)
            pick(mover)
            lifted = lifted or (is_lifted(mover.arm) and not mover.over())
        put_down(mover, object_position(mover.arm)[:2])
    return _outcome(mover, "pick up, after a miss, the", lifted)


def pick(mover: Mover, beside: Array | None = None) -> bool:
    """Hover, descend, close and lift, `beside` (2,) metres off; returns whether it was lifted."""
    arm, rng = mover.arm, mover.rng
    if not on_table(arm):
        mover.wander(FLANGE_LOW, FLANGE_HIGH, 5, grip=0.3)
        return False
    if rng.random() < 0.5:
        mover.wander(ABOVE_LOW, FLANGE_HIGH, int(rng.integers(1, 4)))
    careless = rng.random() < CARELESS_SHARE and not mover.quiet
    spread = CARELESS_M if careless else CAREFUL_M
    goal = grasp_position(arm) + np.append(rng.normal(0.0, spread, 2), rng.uniform(0.0, 0.008))
    if beside is not None:
        goal[:2] += beside
    opening = -1.0 if arm.state()[6] > 0.1 else 0.0
    if mover.go(np.array([*goal[:2], HOVER_M + rng.uniform(-0.01, 0.05)]), opening):
        mover.go(goal)
        mover.fingers(closing=True)
        mover.rise(rng.uniform(0.06, 0.15))
    return is_lifted(arm)


def put_down(mover: Mover, target: Array) -> None:
    """Carry what is held over `target` (2,), lower it to the table, open and back off."""
    arm = mover.arm
    if is_lifted(arm):
        hangs = arm.flange_position - object_position(arm)
        above = np.array([*(target + hangs[:2]), max(arm.flange_position[2], HOVER_M)])
        mover.go(above)
        low = object_position(arm)[2] - resting_height(arm) - mover.rng.uniform(0.0, 0.006)
        mover.rise(-low)
    back_off(mover)


def back_off(mover: Mover) -> None:
    """Open the hand and rise, so that it is clear of the object."""
    mover.fingers(closing=False)
    up = mover.arm.flange_position
    up[2] = max(up[2], HOVER_M) + mover.rng.uniform(0.0, 0.08)
    mover.go(np.clip(up, FLANGE_LOW, FLANGE_HIGH))


def _miss(mover: Mover) -> Array:
    """Return how far beside the grasp (2,), metres, the hand closes on nothing."""
    grasp, middle = grasp_position(mover.arm)[:2], object_position(mover.arm)[:2]
    outwards = float(np.arctan2(*(grasp - middle)[::-1])) if np.any(grasp != middle) else 0.0
    angle = outwards + mover.rng.uniform(-1, 1)
    if mover.rng.random() < 0.5 and np.allclose(grasp, middle):
        angle += np.pi
    far = clear_of(mover.arm) + mover.rng.uniform(*MISS_M)
    return np.asarray(middle + far * np.array([np.cos(angle), np.sin(angle)]) - grasp)


def _start_in_hand(recorder: Recorder, rng: np.random.Generator) -> None:
    """Have the object in the hand and off the table before row 0, if that succeeds in a few tries.

    The moves are not recorded.
    """
    mover = Mover(recorder, rng, 0, quiet=True)
    for _ in range(TRIES):
        mover.arm.drive_to(np.array([*mover.arm.flange_position[:2], HOVER_M]))
        if pick(mover):
            mover.go(rng.uniform(ABOVE_LOW, FLANGE_HIGH))
            return


def _outcome(mover: Mover, text: str, success: bool) -> Outcome:
    task = f"{text} {object_name(mover.arm)}"
    return Outcome(task=task, success=success, settled=mover.settled)

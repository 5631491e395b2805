"""Around the object: pushes, gripper play, and the planner's whole box of actions near it."""

from __future__ import annotations

import numpy as np

from armchair.sim import objects
from armchair.sim.behaviours.handling import back_off
from armchair.sim.behaviours.mover import Mover
from armchair.sim.behaviours.registry import BEHAVIOURS, FLANGE_HIGH, FLANGE_LOW, Array, Outcome
from armchair.sim.behaviours.things import (
    HOVER_M,
    clear_of,
    grasp_position,
    object_name,
    object_position,
    on_table,
    table_flange,
)
from armchair.sim.recorder import Recorder

PUSHED_M = 0.04
"""An object that moved this far was pushed."""
RUN_UP_M = 0.03
"""Range of the room between the object and closed fingers behind it."""
AROUND_M = np.array([0.10, 0.10])
"""How far from the object gripper play and steps near it take place, metres in the plane."""

STANDS_LOW, STANDS_HIGH = np.array([0.36, -0.20]), np.array([0.64, 0.20])
"""Where a rearranged object stands, metres: benchmark v1's area and 4 cm around it."""
STAYS_SHARE = 0.4
"""How often the arm stays where it is while an object is rearranged."""


@BEHAVIOURS.add("push")
def push(recorder: Recorder, rng: np.random.Generator, rows: int) -> Outcome:
    """Shove the object about with closed fingers; success: one push moved it 4 cm."""
    mover, pushed = Mover(recorder, rng, rows), False
    while not mover.over():
        if not on_table(mover.arm):
            mover.wander(FLANGE_LOW, FLANGE_HIGH, 5, grip=0.3)
            continue
        before = object_position(mover.arm)[:2]
        _one_push(mover, _inwards(before, rng))
        moved = np.linalg.norm(object_position(mover.arm)[:2] - before)
        pushed = pushed or bool(moved > PUSHED_M)
    return Outcome(task=f"push the {object_name(mover.arm)}", success=pushed, settled=mover.settled)


@BEHAVIOURS.add("gripper")
def gripper(recorder: Recorder, rng: np.random.Generator, rows: int) -> Outcome:
    """Open and close over, beside and around the object, with small moves in between."""
    mover = Mover(recorder, rng, rows)
    while not mover.over():
        low, high = _around(mover)
        if rng.random() < 0.5:
            low = high = grasp_position(mover.arm)
        mover.go(np.array([*rng.uniform(low[:2], high[:2]), HOVER_M]))
        mover.go(np.array([*mover.arm.flange_position[:2], rng.uniform(low[2], low[2] + 0.03)]))
        for _ in range(int(rng.integers(2, 6))):
            mover.fingers(closing=mover.arm.state()[6] < rng.random())
            mover.wander(low - 0.01, high + 0.01, 1, grip=0.5)
    return Outcome(task="open and close the gripper", success=True, settled=mover.settled)


@BEHAVIOURS.add("rearrange")
def rearrange(recorder: Recorder, rng: np.random.Generator, rows: int) -> Outcome:
    """Every few rows the object stands elsewhere, as between two shots; fingers play.

    The arm wanders about, or in some episodes stays where it is. For pre-training on video, which
    learns to see what moves. A predictor must not learn from it: no action brings this about.
    """
    mover = Mover(recorder, rng, rows)
    stays = rng.random() < STAYS_SHARE
    while not mover.over():
        _put_elsewhere(mover)
        here = mover.arm.flange_position
        low, high = (here, here) if stays else (FLANGE_LOW, FLANGE_HIGH)
        mover.wander(low, high, int(rng.integers(1, 4)), grip=0.5)
    return Outcome(task="random play", success=True, settled=mover.settled)


@BEHAVIOURS.add("fingers")
def fingers(recorder: Recorder, rng: np.random.Generator, rows: int) -> Outcome:
    """Open and close to any closedness, the hand staying where it is: nothing else changes."""
    mover = Mover(recorder, rng, rows)
    here = mover.arm.flange_position
    while not mover.over():
        mover.wander(here, here, 1, grip=1.0)
    return Outcome(task="open and close the gripper", success=True, settled=mover.settled)


@BEHAVIOURS.add("near")
def near(recorder: Recorder, rng: np.random.Generator, rows: int) -> Outcome:
    """Settled steps from the planner's whole box, down to the table around the object."""
    mover = Mover(recorder, rng, rows)
    mover.settled = True
    while not mover.over():
        mover.wander(*_around(mover), actions=int(rng.integers(6, 16)), grip=0.6)
        if rng.random() < 0.3:
            back_off(mover)
    return Outcome(task=f"steps near the {object_name(mover.arm)}", success=True, settled=True)


def _one_push(mover: Mover, direction: Array) -> None:
    """Close, stand behind the object, go through it along `direction` (2,), rise."""
    arm, rng = mover.arm, mover.rng
    here = object_position(arm)
    low = table_flange(arm) + rng.uniform(0.002, 0.02)
    behind = here[:2] - direction * (clear_of(arm) + rng.uniform(0.0, RUN_UP_M))
    beyond = here[:2] + direction * rng.uniform(0.0, 0.09) + rng.normal(0.0, 0.01, 2)
    mover.go(np.array([*behind, HOVER_M]), grip=float(rng.uniform(0.6, 1.0)))
    mover.go(np.array([*behind, low]))
    mover.go(np.array([*beyond, low]))
    mover.rise(HOVER_M - low)


def _put_elsewhere(mover: Mover) -> None:
    """Stand the object upright at a random place that the hand does not touch."""
    arm, room = mover.arm, clear_of(mover.arm) + RUN_UP_M
    place = mover.rng.uniform(STANDS_LOW, STANDS_HIGH)
    while np.linalg.norm(place - arm.flange_position[:2]) < room:
        place = mover.rng.uniform(STANDS_LOW, STANDS_HIGH)
    objects.place(arm.model, arm.data, place)


def _inwards(place: Array, rng: np.random.Generator) -> Array:
    """Return a random direction (2,) that does not push an object (2,) out of the arm's reach."""
    centre = np.array([0.49, 0.0])
    angle = rng.uniform(-np.pi, np.pi)
    direction = np.array([np.cos(angle), np.sin(angle)])
    outwards = np.abs(place - centre) > 0.06
    signs = np.where(outwards, np.sign(centre - place), np.sign(direction))
    return np.asarray(np.abs(direction) * signs)


def _around(mover: Mover) -> tuple[Array, Array]:
    """Return the corners (3,) of the space just over and around the object, metres."""
    place = np.clip(object_position(mover.arm)[:2], [0.38, -0.18], [0.60, 0.18])
    low, high = place - AROUND_M, place + AROUND_M
    return np.array([*low, table_flange(mover.arm)]), np.array([*high, HOVER_M + 0.06])

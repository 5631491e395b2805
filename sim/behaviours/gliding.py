"""Uniform motion: hand, fingers and object glide along straight lines, for pre-training on video.

Nothing is pushed or driven: each picture is drawn of where things are said to be.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import mujoco
import numpy as np
from scipy.spatial.transform import Rotation

from armchair.sim import objects
from armchair.sim.arm import DOWN, SimArm, Snapshot
from armchair.sim.behaviours.registry import BEHAVIOURS, FLANGE_HIGH, FLANGE_LOW, Array, Outcome
from armchair.sim.behaviours.things import clear_of, grasp_position, table_flange
from armchair.sim.behaviours.touching import AROUND_M, STANDS_HIGH, STANDS_LOW
from armchair.sim.contacts import finger_contacts
from armchair.sim.posing import stand
from armchair.sim.randomise import redress
from armchair.sim.recorder import Recorder

SHARES_OF_WAY = (0.0, 0.5, 1.0)
"""Where on its way a glide is drawn."""
STILL_ROWS = 4
"""Rows that a picture is shown for: the frame store keeps every fourth."""
WAYS = ("both", "hand", "object", "held")
SHARES = (0.35, 0.20, 0.25, 0.20)
"""What glides, and how often; `held` is both, together."""
LOW_SHARE, LOW_M = 0.6, 0.15
"""How often an end of the hand's way is within this height above the object's surroundings."""
LIFT_M = 0.25
"""How high a held object glides at most."""
OFF_GRASP_M = np.array([0.0, 0.012, 0.008])
"""How far from the planned grasp an object is held, half-ranges in metres; the fingers meet along
x."""
TURN_RAD = 0.02
"""Deviation of the hand's turn about each axis."""
OVER_M = 0.005
"""Fingertips this far above an object pass over it."""
GRIPS = 41
"""Closednesses that are tried around an object."""


@dataclass(frozen=True, kw_only=True)
class Still:
    """Where everything is in one picture, in metres and closedness."""

    flange: Array
    rotation: Array
    closed: float
    object: Array


@BEHAVIOURS.add("glide")
def glide(recorder: Recorder, rng: np.random.Generator, rows: int) -> Outcome:
    """Hand, fingers and object glide at constant speeds along straight lines, in stop motion.

    Three pictures a glide: one end, half way, the other end, each repeated for four rows. For each
    picture lamps, colours and the camera's place are drawn anew, as the level has them: where
    things are is all that stays the same. A predictor must not learn from it: no action brings this
    about.
    """
    arm = recorder.arm
    while len(recorder) < rows:
        for still in _way(arm, rng):
            redress(arm, recorder.level, rng, rng)
            arm.restore(still)
            recorder.row(advance=False)
            recorder.repeat(min(STILL_ROWS, rows - len(recorder) + 1) - 1)
            if len(recorder) == rows:
                break
    return Outcome(task="random play", success=True)


def _way(arm: SimArm, rng: np.random.Generator) -> list[Snapshot]:
    """Return the stills of a glide that the arm can show."""
    for ends in _ends(arm, rng):
        stills = [_between(*ends, share) for share in SHARES_OF_WAY]
        shown = [arm.snapshot() for still in stills if _show(arm, still)]
        if len(shown) == len(stills):
            return shown
    raise AssertionError("ends are drawn for ever")


def _ends(arm: SimArm, rng: np.random.Generator) -> Iterator[tuple[Still, Still]]:
    """Yield first and last stills of glides, for ever; the hand meets the object if it holds it."""
    low = np.array([*FLANGE_LOW[:2], table_flange(arm)])
    while True:
        kind = rng.choice(WAYS, p=SHARES)
        things = _places(arm, rng)
        turns = [Rotation.from_rotvec(rng.normal(0.0, TURN_RAD, 3)).as_matrix() for _ in range(2)]
        if kind == "held":
            objects.place(arm.model, arm.data, things[0][:2])
            off = grasp_position(arm) - things[0] + rng.uniform(-1, 1, 3) * OFF_GRASP_M
            for thing in things:
                thing[2] += rng.choice([0.0, rng.uniform(0.0, LIFT_M)])
            hands, turns[1] = [thing + off for thing in things], turns[0]
            gripping = Still(flange=hands[0], rotation=turns[0] @ DOWN, closed=0, object=things[0])
            closed = [_closed_on(arm, gripping)] * 2
        else:
            hands = [_hand(thing, low, rng) for thing in things]
            closed = [float(rng.choice([0.0, 1.0, rng.random()])) for _ in range(2)]
            if kind == "object":
                hands[1], turns[1], closed[1] = hands[0], turns[0], closed[0]
            elif kind == "hand":
                things[1] = things[0]
        first, last = (
            Still(flange=hand, rotation=turn @ DOWN, closed=grip, object=thing)
            for hand, turn, grip, thing in zip(hands, turns, closed, things, strict=True)
        )
        if kind == "held" or all(_clear(arm, _between(first, last, s)) for s in SHARES_OF_WAY):
            yield first, last


def _places(arm: SimArm, rng: np.random.Generator) -> list[Array]:
    """Return two places (3,) where the object stands on the table."""
    rest = objects.rest_height(arm.model)
    return [np.array([*rng.uniform(STANDS_LOW, STANDS_HIGH), rest]) for _ in range(2)]


def _hand(thing: Array, low: Array, rng: np.random.Generator) -> Array:
    """Return a flange position (3,), often low and near the object."""
    if rng.random() >= LOW_SHARE:
        return rng.uniform(low, FLANGE_HIGH)
    near = [*(thing[:2] + rng.uniform(-AROUND_M, AROUND_M)), low[2] + rng.uniform(0.0, LOW_M)]
    return np.clip(near, low, FLANGE_HIGH)


def _closed_on(arm: SimArm, still: Still) -> float:
    """Return the closedness at which both fingers touch the object, 1 if they never do."""
    _show(arm, still)
    for closed in np.linspace(0.0, 1.0, GRIPS):
        arm.hand.put(arm.model, arm.data, float(closed))
        mujoco.mj_forward(arm.model, arm.data)
        touch = finger_contacts(arm.model, arm.data)
        if touch.left and touch.right:
            return float(closed)
    return 1.0


def _clear(arm: SimArm, still: Still) -> bool:
    """Return whether the fingers are above the object or beside it."""
    top = still.object[2] + objects.rest_height(arm.model)
    over = still.flange[2] - arm.hand.tip_m > top + OVER_M
    return bool(over or np.linalg.norm((still.flange - still.object)[:2]) > clear_of(arm))


def _between(first: Still, last: Still, share: float) -> Still:
    """Return the still a share of the way from the first to the last."""
    turn = Rotation.from_matrix(last.rotation @ first.rotation.T).as_rotvec()
    return Still(
        flange=first.flange + share * (last.flange - first.flange),
        rotation=Rotation.from_rotvec(share * turn).as_matrix() @ first.rotation,
        closed=first.closed + share * (last.closed - first.closed),
        object=first.object + share * (last.object - first.object),
    )


def _show(arm: SimArm, still: Still) -> bool:
    """Put everything where a still has it; returns whether the arm gets there."""
    objects.place(arm.model, arm.data, still.object[:2], height=still.object[2])
    return stand(arm, still.flange, still.rotation, still.closed)

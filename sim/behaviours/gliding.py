"""Uniform motion: hand, fingers and object glide along straight lines, for pre-training on video.

Nothing is pushed or driven: each picture is drawn of where things are said to be.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import mujoco
import numpy as np
from scipy.spatial.transform import Rotation

from armchair.sim import objects
from armchair.sim.arm import DOWN, SimArm, Snapshot
from armchair.sim.behaviours.registry import BEHAVIOURS, Array, Outcome
from armchair.sim.behaviours.things import REACH_HIGH, REACH_LOW, grasp_position, table_flange
from armchair.sim.behaviours.touching import AROUND_M
from armchair.sim.contacts import finger_contacts
from armchair.sim.posing import stand
from armchair.sim.randomise import redress, redress_more
from armchair.sim.recorder import Recorder

SHARES_OF_WAY = (0.0, 0.5, 1.0)
"""Where on its way a glide is drawn."""
STILL_ROWS = 4
"""Rows that a picture is shown for: the frame store keeps every fourth."""
WAYS = ("both", "hand", "object", "held", "parting")
SHARES = (0.20, 0.05, 0.15, 0.40, 0.20)
"""What glides, and how often; `held` is both, together. `parting`: the object stands on the table,
held at one end alone, so that it is read in the hand as it is elsewhere. It is never afloat: along
the camera's line of sight size and distance look alike, and what nothing holds is on the table."""
STAYS_SHARE = 0.2
"""How often the hand stays at one place for a whole video: the object alone, and the fingers, tell
its pictures apart."""
FAR_LOW, FAR_HIGH = np.array([0.28, -0.30]), np.array([0.70, 0.30, 0.60])
"""Where the hand goes, metres: all that an episode of the tasks shows, and a little more."""
LOW_SHARE, LOW_M = 0.6, 0.15
"""How often an end of the hand's way is within this height above the object's surroundings."""
LIFTED_SHARE, LIFT_M = 0.75, 0.40
"""How often an end of a held object's way is in the air, and how high at most, metres."""
OFF_GRASP_M = np.array([0.0, 0.012, 0.008])
"""How far from the planned grasp an object is held, half-ranges in metres; the fingers meet along
x."""
TURN_RAD = 0.02
"""Deviation of the hand's turn about each axis."""
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
    picture lamps, colours and the outer cameras' places are drawn anew, as the level has them:
    where things are is all that stays the same. In some videos the hand stays as it is. A predictor
    must not learn from it: no action brings this about.
    """
    arm = recorder.arm
    rests = _reachable(arm, rng) if rng.random() < STAYS_SHARE else Rests()
    return _glide(recorder, rng, rows, rests)


@BEHAVIOURS.add("glide_fingers")
def glide_fingers(recorder: Recorder, rng: np.random.Generator, rows: int) -> Outcome:
    """Like `glide`, but hand and object stay: the fingers alone tell a video's pictures apart."""
    return _glide(recorder, rng, rows, _apart_for_good(recorder.arm, rng))


@dataclass(frozen=True, kw_only=True)
class Rests:
    """Where hand and object stay for a whole video; None if they go."""

    flange: Array | None = None
    """Position (3,), metres."""
    rotation: Array | None = None
    """Matrix (3, 3) of the hand; there is one if there is a `flange`."""
    object: Array | None = None
    """Position (3,), metres."""


def _glide(recorder: Recorder, rng: np.random.Generator, rows: int, rests: Rests) -> Outcome:
    """Record glides, three pictures each, until the episode has its rows."""
    arm, more = recorder.arm, rng.spawn(1)[0]
    while len(recorder) < rows:
        for still in _way(arm, rng, rests):
            redress(arm, recorder.level, rng, rng)
            redress_more(arm, recorder.level, more)
            arm.restore(still)
            recorder.row(advance=False)
            recorder.repeat(min(STILL_ROWS, rows - len(recorder) + 1) - 1)
            if len(recorder) == rows:
                break
    return Outcome(task="random play", success=True)


def _apart_for_good(arm: SimArm, rng: np.random.Generator) -> Rests:
    """Draw places at which the hand, open or closed, does not touch the object."""
    while True:
        thing = _place(arm, rng)
        open_hand = Still(
            flange=_hand(thing, _low(arm), rng), rotation=_turn(rng), closed=0.0, object=thing
        )
        hands = (open_hand, replace(open_hand, closed=1.0))
        if all(_show(arm, still) and _clear(arm) for still in hands):
            return Rests(flange=open_hand.flange, rotation=open_hand.rotation, object=thing)


def _way(arm: SimArm, rng: np.random.Generator, rests: Rests) -> list[Snapshot]:
    """Return the stills of a glide that the arm can show."""
    kind = str(rng.choice(WAYS, p=SHARES)) if rests.flange is None else "object"
    while True:
        shown = _shown(arm, kind, _ends(arm, rng, kind, rests))
        if shown:
            return shown


def _ends(arm: SimArm, rng: np.random.Generator, kind: str, rests: Rests) -> tuple[Still, Still]:
    """Return both ends of a glide."""
    if kind == "held":
        return _held(arm, rng, LIFTED_SHARE)
    first, last = _apart(arm, rng, kind, rests)
    return (_held(arm, rng, 0.0)[0], last) if kind == "parting" else (first, last)


def _shown(arm: SimArm, kind: str, ends: tuple[Still, Still]) -> list[Snapshot]:
    """Return the stills of a glide; none if the arm cannot show one, or is where the object is."""
    found = []
    for share in SHARES_OF_WAY:
        grasped = kind == "held" or (kind == "parting" and share == 0.0)
        if not _show(arm, _between(*ends, share)) or not (grasped or _clear(arm)):
            return []
        found.append(arm.snapshot())
    return found


def _apart(arm: SimArm, rng: np.random.Generator, kind: str, rests: Rests) -> tuple[Still, Still]:
    """Return both ends of a glide of the hand, of the object, or of both, each its own way."""
    things = [_place(arm, rng) for _ in range(2)]
    hands = [_hand(thing, _low(arm), rng) for thing in things]
    turns = [_turn(rng) for _ in range(2)]
    closed = [float(rng.choice([0.0, 1.0, rng.random()])) for _ in range(2)]
    if kind == "hand":
        things[1] = things[0]
    if kind == "object" and rests.flange is None:
        hands, turns, closed = hands[:1] * 2, turns[:1] * 2, closed[:1] * 2
    if rests.flange is not None and rests.rotation is not None:
        hands, turns = [rests.flange] * 2, [rests.rotation] * 2
    if rests.object is not None:
        things, closed = [rests.object] * 2, [float(grip) for grip in rng.random(2)]
    first, last = (
        Still(flange=hand, rotation=turn, closed=grip, object=thing)
        for hand, turn, grip, thing in zip(hands, turns, closed, things, strict=True)
    )
    return first, last


def _held(arm: SimArm, rng: np.random.Generator, lifted: float) -> tuple[Still, Still]:
    """Return both ends of a glide of the object in the hand, a share `lifted` in the air."""
    first, last = (_place(arm, rng) for _ in range(2))
    objects.place(arm.model, arm.data, first[:2])
    away = grasp_position(arm) - first + rng.uniform(-1, 1, 3) * OFF_GRASP_M
    first, last = (_lifted(thing, lifted, rng) for thing in (first, last))
    grasp = Still(flange=first + away, rotation=_turn(rng), closed=0.0, object=first)
    grasp = replace(grasp, closed=_closed_on(arm, grasp))
    return grasp, replace(grasp, flange=last + away, object=last)


def _low(arm: SimArm) -> Array:
    """Return the lower corner (3,) of where the flange glides: fingertips just above the table."""
    return np.array([*FAR_LOW, table_flange(arm)])


def _turn(rng: np.random.Generator) -> Array:
    """Return a rotation (3, 3) of the hand, nearly straight down."""
    return np.asarray(Rotation.from_rotvec(rng.normal(0.0, TURN_RAD, 3)).as_matrix() @ DOWN)


def _place(arm: SimArm, rng: np.random.Generator) -> Array:
    """Return a place (3,) where the object stands on the table."""
    return np.array([*rng.uniform(REACH_LOW, REACH_HIGH), objects.rest_height(arm.model)])


def _lifted(thing: Array, share: float, rng: np.random.Generator) -> Array:
    """Return a place (3,) for the object, `share` of them in the air above the one on the table."""
    rise = rng.uniform(0.0, LIFT_M) if rng.random() < share else 0.0
    return np.asarray(thing + np.array([0.0, 0.0, rise]))


def _hand(thing: Array, low: Array, rng: np.random.Generator) -> Array:
    """Return a flange position (3,), often low and near the object."""
    if rng.random() >= LOW_SHARE:
        return rng.uniform(low, FAR_HIGH)
    near = [*(thing[:2] + rng.uniform(-AROUND_M, AROUND_M)), low[2] + rng.uniform(0.0, LOW_M)]
    return np.clip(near, low, FAR_HIGH)


def _reachable(arm: SimArm, rng: np.random.Generator) -> Rests:
    """Draw a place and a turn of the hand for a whole video."""
    while True:
        place, turn = _hand(_place(arm, rng), _low(arm), rng), _turn(rng)
        if stand(arm, place, turn, closed=0.0):
            return Rests(flange=place, rotation=turn)


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


def _clear(arm: SimArm) -> bool:
    """Return whether no part of the arm is where the object is."""
    mine, bodies = set(objects.object_geoms(arm.model)), arm.model.geom_bodyid
    moves = arm.model.body_weldid[bodies] != 0
    return not any(
        (first in mine) != (second in mine) and moves[first] and moves[second]
        for first, second in arm.data.contact.geom.tolist()
    )


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

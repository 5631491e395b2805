"""Which pairs of frames action inference is judged on: moves in all directions, gripper at work.

Recorded motion has favourite directions, and a model that knows only those would look good on it.
So moves are *wanted* first, evenly in direction and in length, and of all pairs that the episodes
hold the one that comes nearest to each is taken; a share of them must change the gripper.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from armchair.errors import BadValueError

MOST_CANDIDATES = 200_000
"""Pairs that are looked at; of more, so many are drawn at random."""


@dataclass(frozen=True, kw_only=True)
class PairConfig:
    """How pairs are chosen."""

    count: int = 500
    move: tuple[float, float] = (0.02, 0.13)
    """Least and largest length of the true translation, metres."""
    gripper_share: float | None = 0.5
    """Share of the pairs whose gripper changes by more than `gripper_change`; in the others it
    changes by less. None takes them as they come."""
    gripper_change: float = 0.1
    """Of 0 open … 1 closed."""
    most_turn: float = 0.1
    """Radians about any axis; pairs that turn more are left out, as no rotation is searched."""

    def __post_init__(self) -> None:
        if self.count < 1:
            raise BadValueError(f"pairs: count is {self.count}, expected 1 or more.")
        if not 0 <= self.move[0] < self.move[1]:
            raise BadValueError(f"pairs: move {self.move} must be an ordered range in metres.")
        if self.gripper_share is not None and not 0 <= self.gripper_share <= 1:
            raise BadValueError(f"pairs: gripper_share {self.gripper_share} is not in [0, 1].")


@dataclass(frozen=True, kw_only=True)
class ChosenPairs:
    """Which of the candidates were taken, and how well they fit what was wanted."""

    index: NDArray[np.int64]
    """(P,) places among the candidates, none twice."""
    mismatch: float
    """Mean of |move − wanted move| / |wanted move|."""
    lopsided: float
    """Length of the mean unit direction: 0 for moves in all directions alike, 1 for one only."""
    gripper: int
    """Pairs whose gripper changes by more than `gripper_change`."""


def choose_pairs(
    actions: NDArray[np.float64], config: PairConfig, generator: torch.Generator
) -> ChosenPairs:
    """Choose among candidates with actions (K, 7), metres and radians.

    Raises `BadValueError` if too few have the length and the gripper change that are asked for.
    """
    moves = actions[:, :3]
    length = np.linalg.norm(moves, axis=1)
    fits = (length >= config.move[0]) & (length <= config.move[1])
    fits &= np.abs(actions[:, 3:6]).max(1) <= config.most_turn
    grips = np.abs(actions[:, 6]) > config.gripper_change
    taken, misses = [], []
    for number, allowed, what in _groups(fits, grips, config):
        places = _at_most(np.flatnonzero(allowed), MOST_CANDIDATES, generator)
        if len(places) < number:
            raise BadValueError(
                f"{len(places)} pairs of frames have moves of {config.move[0]} … {config.move[1]} "
                f"m{what}, {number} are wanted; give more or longer held-out episodes or fewer "
                "pairs."
            )
        nearest, miss = _nearest(moves[places], wanted_moves(number, config.move, generator))
        taken.append(places[nearest])
        misses.append(miss)
    index = np.concatenate(taken)
    directions = moves[index] / length[index, None]
    return ChosenPairs(
        index=index,
        mismatch=float(np.concatenate(misses).mean()),
        lopsided=float(np.linalg.norm(directions.mean(0))),
        gripper=int(grips[index].sum()),
    )


def wanted_moves(
    count: int, lengths: tuple[float, float], generator: torch.Generator
) -> NDArray[np.float64]:
    """Return moves (count, 3) in metres, uniform in direction and, apart from that, in length."""
    directions = torch.randn(count, 3, generator=generator, dtype=torch.float64)
    directions /= directions.norm(dim=1, keepdim=True)
    share = torch.rand(count, 1, generator=generator, dtype=torch.float64)
    low, high = lengths
    moves: NDArray[np.float64] = (directions * (low + (high - low) * share)).numpy()
    return moves


def _groups(
    fits: NDArray[np.bool_], grips: NDArray[np.bool_], config: PairConfig
) -> list[tuple[int, NDArray[np.bool_], str]]:
    """Return how many pairs are wanted out of which candidates, and what is special about them."""
    if config.gripper_share is None:
        return [(config.count, fits, "")]
    gripping = round(config.count * config.gripper_share)
    change = f"a gripper change above {config.gripper_change}"
    groups = [
        (gripping, fits & grips, f" and {change}"),
        (config.count - gripping, fits & ~grips, f" without {change}"),
    ]
    return [group for group in groups if group[0]]


def _at_most(
    places: NDArray[np.int64], count: int, generator: torch.Generator
) -> NDArray[np.int64]:
    if len(places) <= count:
        return places
    drawn: NDArray[np.int64] = torch.randperm(len(places), generator=generator)[:count].numpy()
    return places[drawn]


def _nearest(
    moves: NDArray[np.float64], wanted: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return for each wanted move (P, 3) a place in moves (K, 3), none twice, and its mismatch."""
    free = np.ones(len(moves), bool)
    places, misses = np.empty(len(wanted), np.int64), np.empty(len(wanted))
    for number, move in enumerate(wanted):
        distance = np.where(free, np.linalg.norm(moves - move, axis=1), np.inf)
        places[number] = np.argmin(distance)
        misses[number] = distance[places[number]] / np.linalg.norm(move)
        free[places[number]] = False
    return places, misses

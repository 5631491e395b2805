"""A player for a worker process: loads the model by name and keeps one arena open at a time."""

from __future__ import annotations

import os
import pickle
from dataclasses import dataclass

import torch

from armchair.errors import BadValueError
from armchair.evaluation.arena import Arena
from armchair.evaluation.benchmark import contestants_of
from armchair.evaluation.contestants import Entry
from armchair.evaluation.crew import Job, Player
from armchair.evaluation.models import load_world_model
from armchair.evaluation.outcomes import Outcome
from armchair.evaluation.protocol import Protocol
from armchair.planners import Planner


def check_pickles(name: str, planner: Planner) -> None:
    """Raise `BadValueError` for a planner that cannot be sent to a worker."""
    try:
        pickle.dumps(planner)
    except (AttributeError, TypeError, pickle.PicklingError) as error:
        raise BadValueError(
            f"planner {name!r} cannot be sent to other processes ({error}): give --workers 1, or "
            "make it of a class that a module defines."
        ) from error


@dataclass(frozen=True, kw_only=True)
class PlayerMaker:
    """All that a worker needs to know, small enough to send with every job; call it in there."""

    model: str
    planner: Planner
    protocol: Protocol
    context_frames: int
    workers: int

    def __call__(self) -> Player:
        """Return a player of this process."""
        if self.workers > 1:
            usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
            torch.set_num_threads(max(1, usable // self.workers))
        entry = Entry(
            model=load_world_model(self.model).model,
            planner=self.planner,
            seed=self.protocol.seed,
            context_frames=self.context_frames,
        )
        return _ArenaPlayer(entry, self.protocol)


class _ArenaPlayer:
    def __init__(self, entry: Entry, protocol: Protocol) -> None:
        self._contestants = contestants_of(entry, protocol)
        self._protocol = protocol
        self._arena: Arena | None = None

    def __call__(self, job: Job) -> Outcome:
        """Play one episode; the arena of another task is closed first."""
        task, contestant, episode = job
        if self._arena is None or self._arena.name != task:
            if self._arena is not None:
                self._arena.close()
            self._arena = Arena(task, self._contestants, self._protocol)
        return self._arena.play(contestant, episode)

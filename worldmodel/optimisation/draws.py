"""What a run draws at random, and the runs before it whose draws it must not repeat.

A run that starts from a relay draws as if its steps followed those done before, so that the same
seed goes on instead of beginning again.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from armchair.errors import BadFileError, BadValueError, check_seed
from armchair.worldmodel.optimisation import atomic
from armchair.worldmodel.optimisation.loop import generator_at

FILE = "history.json"


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One run of a training that went from relay to relay."""

    seed: int
    steps: int

    def __post_init__(self) -> None:
        check_seed(self.seed)
        if type(self.steps) is not int or self.steps < 0:
            raise BadValueError(f"steps is {self.steps}, expected a whole number from 0 up.")


History = tuple[Piece, ...]


def steps_of(history: History) -> int:
    """Return the steps done in all."""
    return sum(piece.steps for piece in history)


def in_words(history: History) -> str:
    """Return one line about what was done before."""
    if not history:
        return "it does not say for how long it was trained: give a --seed that was not used before"
    pieces = ", ".join(f"{piece.steps} steps with seed {piece.seed}" for piece in history)
    return f"trained before for {pieces}; what is drawn follows on that"


def plain(history: History) -> list[dict[str, int]]:
    """Return a history as plain values."""
    return [asdict(piece) for piece in history]


def from_plain(content: list[dict[str, int]]) -> History:
    """Return what `plain` returned; raises TypeError or ValueError for anything else."""
    if not isinstance(content, list):
        raise TypeError(f"{content!r} is no list of runs")
    return tuple(Piece(**piece) for piece in content)


class Draws:
    """The random numbers of a run: functions of its seed and of all steps done, before it too."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.history: History = ()
        """The runs before, where this one starts from a relay."""

    def generator(self, step: int, stream: int = 0) -> torch.Generator:
        """Return the generator of one step of this run."""
        return generator_at(self.seed, steps_of(self.history) + step, stream)

    def history_at(self, step: int) -> History:
        """Return the runs before and `step` steps of this one."""
        return (*self.history, Piece(seed=self.seed, steps=step))

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps, as plain values."""
        return {"seed": self.seed, "history": plain(self.history)}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take up `state`; raises ValueError if it has another seed."""
        if state["seed"] != self.seed:
            raise ValueError(f"seed {state['seed']}, this run has {self.seed}")
        self.history = from_plain(state.get("history", []))  # older checkpoints have none


def write_history(folder: Path, history: History) -> None:
    """Write a history into a model's folder."""
    atomic.write_json(folder / FILE, plain(history))


def read_history(folder: Path) -> History:
    """Return the history in a model's folder, empty if it has none; raises `BadFileError`."""
    path = folder / FILE
    if not path.exists():
        return ()
    try:
        return from_plain(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise BadFileError(path, f"not a history ({error})", "Delete it.") from error

"""What a planner asks of a world model, what it gives back, and the names of all planners."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any, Protocol

from torch import Generator, Tensor

from armchair.errors import UnknownNameError
from armchair.poses import ACTION_DIM, STATE_DIM
from armchair.registry import Registry

ENTRY_POINT_GROUP = "armchair.planners"


class LatentDynamics(Protocol):
    """What a planner needs of a world model; the model fits this without importing it."""

    def encode(self, frames: Tensor) -> Tensor:
        """Return latents (batch, tokens, width) of frames (batch, height, width, 3), uint8."""
        ...

    def rollout(
        self, latents: Tensor, states: Tensor, past_actions: Tensor, candidates: Tensor
    ) -> Tensor:
        """Return imagined latents (candidates, horizon, tokens, width).

        `latents` (time, tokens, width), `states` (time, 7) and `past_actions` (time - 1, 7) are
        what was lived, oldest first; `candidates` (candidates, horizon, 7), metres and radians.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Context:
    """What the agent lived through, oldest first; the last entry is now.

    latents (time, tokens, width); states (time, 7) and past_actions (time - 1, 7), metres, radians.
    """

    latents: Tensor
    states: Tensor
    past_actions: Tensor

    def __post_init__(self) -> None:
        time = self.latents.shape[0]
        assert self.latents.ndim == 3, self.latents.shape
        assert time >= 1, self.latents.shape
        assert self.states.shape == (time, STATE_DIM), self.states.shape
        assert self.past_actions.shape == (time - 1, ACTION_DIM), self.past_actions.shape


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The outcome of one search.

    actions (horizon, 7), metres and radians, on the CPU. `history` is the lowest energy of every
    iteration and `energy` its last entry: the energy of `actions` themselves where the planner
    returns its best candidate. `evaluations` counts candidates times horizon steps.
    """

    actions: Tensor
    energy: float
    history: tuple[float, ...]
    evaluations: int


class Planner(Protocol):
    """A search for actions; a pure function of its arguments and the generator's state."""

    def plan(
        self,
        model: LatentDynamics,
        context: Context,
        goal: Tensor,
        generator: Generator,
        warm_start: Tensor | None = None,
    ) -> Plan:
        """Return a plan towards goal latents (tokens, width).

        `warm_start` (horizon, 7) is a guess, such as the previous plan moved on by one step.
        """
        ...

    def describe(self) -> dict[str, Any]:
        """Return every setting as JSON-ready values, for the report."""
        ...


PLANNERS: Registry[Callable[[], Planner]] = Registry("planner")


def load_planner(name: str) -> Planner:
    """Return a new planner by its registered name or by an entry point of `armchair.planners`.

    Raises `UnknownNameError` that lists all names.
    """
    if name in PLANNERS:
        return PLANNERS[name]()
    plugins = {entry.name: entry for entry in entry_points(group=ENTRY_POINT_GROUP)}
    if name not in plugins:
        raise UnknownNameError("planner", name, [*PLANNERS, *plugins])
    planner: Planner = plugins[name].load()()
    return planner

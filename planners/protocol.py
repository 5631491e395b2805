"""What a planner asks of a world model, what it gives back, and the names of all planners."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Generator, Tensor

from armchair.errors import ArmchairError, BadValueError, UnknownNameError
from armchair.planners.plugins import make_plugin, plugin_names
from armchair.poses import ACTION_DIM, STATE_DIM
from armchair.registry import Registry

ENTRY_POINT_GROUP = "armchair.planners"
_ACTIONS = f"{ACTION_DIM} numbers: x y z (m), roll pitch yaw (rad), gripper"
SHAPE_ERRORS = (AssertionError, IndexError, RuntimeError, ValueError)
"""What a model raises that is given tensors of another shape than it takes."""


class ImaginationError(ArmchairError):
    """The world model imagined nothing that is a number; an episode stops with this reason."""


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


class BatchedDynamics(LatentDynamics, Protocol):
    """What a world model may offer besides, to serve several environments in one call."""

    def rollout_batch(
        self, latents: Tensor, states: Tensor, past_actions: Tensor, candidates: Tensor
    ) -> Tensor:
        """Return imagined latents (envs, candidates, horizon, tokens, width).

        As `rollout`, every argument with environments in front: `latents` (envs, time, tokens,
        width), `candidates` (envs, candidates, horizon, 7).
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

    actions (horizon, 7), metres and radians, on the CPU. energy: of `actions` themselves (before
    `closing_gain`). history: the lowest energy so far, after every iteration and, where the result
    was scored by itself, after that. evaluations: candidates times horizon steps, of which
    `gradients` needed a backward pass. dropped: candidates whose energy was no number. cut_short:
    the budget ended the search; `actions` is then the best that was seen, with the hand's rules.
    """

    actions: Tensor
    energy: float
    history: tuple[float, ...]
    evaluations: int
    gradients: int = 0
    dropped: int = 0
    cut_short: bool = False


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


def check_problem(model: LatentDynamics, context: Context, goal: Tensor) -> None:
    """Raise `BadValueError` for a model of other actions, or a goal that is no tensor or unlike the
    context's frames.

    A model whose actions are not of 7 numbers may say so by an attribute `action_dim`; of others
    see `check_imagines`.
    """
    size = getattr(model, "action_dim", ACTION_DIM)
    if size != ACTION_DIM:
        raise BadValueError(
            f"{type(model).__name__} takes actions of {size} numbers, expected {_ACTIONS}. Wrap "
            "the model in one that converts them."
        )
    if not isinstance(goal, Tensor):
        raise BadValueError(
            f"goal latents are of type {type(goal).__name__}, expected a tensor (tokens, width): "
            "encode the goal's frame with the model."
        )
    if goal.shape != context.latents.shape[1:]:
        raise BadValueError(
            f"goal latents are of shape {tuple(goal.shape)}, those of the present frame of "
            f"{tuple(context.latents.shape[1:])}: encode both with the same model."
        )


def check_imagines(model: LatentDynamics, context: Context, error: Exception) -> None:
    """Raise `BadValueError` if a model that raised `error` cannot imagine one plain action either.

    Called after a failure only, so that nothing is imagined, or drawn at random, besides.
    """
    if isinstance(error, (ArmchairError, torch.OutOfMemoryError)):
        return
    latents, states, past_actions = context.latents, context.states, context.past_actions
    still = torch.zeros((1, 1, ACTION_DIM), device=latents.device)
    try:
        with torch.no_grad():
            model.rollout(latents, states, past_actions, still)
    except SHAPE_ERRORS as again:
        said = " ".join(str(again).split()) or type(again).__name__
        raise BadValueError(
            f"{type(model).__name__}.rollout cannot imagine one action of {_ACTIONS} ({said}). If "
            "it takes other actions, wrap the model in one that converts them."
        ) from error


def fitted_guess(guess: Tensor, horizon: int) -> Tensor:
    """Return a warm start (any, 7) cut to `horizon` steps, or its last step repeated."""
    if guess.ndim != 2 or guess.shape[1] != ACTION_DIM or not len(guess):
        raise BadValueError(
            f"the warm start is of shape {tuple(guess.shape)}, expected (horizon, {ACTION_DIM})."
        )
    missing = max(0, horizon - len(guess))
    return torch.cat([guess[:horizon], guess[-1:].expand(missing, -1)])


PLANNERS: Registry[Callable[[], Planner]] = Registry("planner")


def planner_names() -> tuple[str, ...]:
    """Return the names of all planners: ours, and those that plug-ins offer."""
    return tuple(sorted({*PLANNERS, *plugin_names(ENTRY_POINT_GROUP)}))


def load_planner(name: str) -> Planner:
    """Return a new planner by its registered name or by an entry point of `armchair.planners`.

    Raises `UnknownNameError` that lists all names, and `BadValueError` for a plug-in that cannot be
    made, makes something else than a planner, or takes a name that another has.
    """
    needs = ("plan", "describe")
    plugin: Planner | None = make_plugin(ENTRY_POINT_GROUP, name, "planner", needs, PLANNERS)
    if plugin is not None:
        return plugin
    if name not in PLANNERS:
        raise UnknownNameError("planner", name, planner_names())
    return PLANNERS[name]()

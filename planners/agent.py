"""The agent: sees a frame and a state, imagines, acts, and re-plans after every action.

Its input types carry pixels and the robot's own state, and nothing of the goal but its image.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from armchair.errors import BadValueError
from armchair.planners.energy import energy
from armchair.planners.protocol import Context, LatentDynamics, Plan, Planner
from armchair.poses import check_states, difference

Frame = NDArray[np.uint8]
Vector = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What the robot sees and feels now: frame (height, width, 3) uint8 and its own state (7,)."""

    frame: Frame
    state: Vector

    def __post_init__(self) -> None:
        _check_frame(self.frame, "observation")


@dataclass(frozen=True, kw_only=True)
class GoalImage:
    """What the world should look like: frame (height, width, 3) uint8. There is nothing else."""

    frame: Frame

    def __post_init__(self) -> None:
        _check_frame(self.frame, "goal image")


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One action (7,) in metres and radians, and why.

    plan: the search behind it; energy: of the current frame to the current goal; seconds: wall
    time of encoding and planning. Policies that do not plan leave `plan` and `energy` empty.
    """

    action: Vector
    plan: Plan | None = None
    energy: float | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Lived:
    """One moment that is over or now: latents (tokens, width) and state (7,)."""

    latents: Tensor
    state: Vector


class RecedingHorizonAgent:
    """Plans to the goal image, executes the first action, looks again.

    Each lived frame is encoded once. `context_frames` moments, at most, are shown to the model;
    past actions are differences of measured states, as in training.
    """

    def __init__(
        self, model: LatentDynamics, planner: Planner, seed: int, *, context_frames: int = 1
    ) -> None:
        if context_frames < 1:
            raise BadValueError(f"context_frames is {context_frames}, expected 1 or more.")
        self._model, self._planner = model, planner
        self._generator = torch.Generator().manual_seed(seed)
        self._lived: deque[Lived] = deque(maxlen=context_frames)
        self._goals: list[Tensor] = []
        self._size: tuple[int, ...] = ()
        self._switch_steps: tuple[int, ...] = ()
        self._step = 0
        self._last_plan: Plan | None = None

    def start(self, goals: Sequence[GoalImage], switch_steps: Sequence[int] = ()) -> None:
        """Forget the past and take goals in order; goal i + 1 begins at step `switch_steps[i]`."""
        steps = tuple(switch_steps)
        if len(steps) != len(goals) - 1 or list(steps) != sorted(set(steps)):
            raise BadValueError(
                f"{len(goals)} goals with switch steps {steps}: expected one goal or more and an "
                "increasing switch step between each two."
            )
        sizes = {goal.frame.shape for goal in goals}
        if len(sizes) > 1:
            raise BadValueError(
                f"goal images have shapes {', '.join(map(str, sorted(sizes)))}: all must come from "
                "the same camera at the same size."
            )
        self._goals = [self._encode(goal.frame) for goal in goals]
        self._size = goals[0].frame.shape
        self._switch_steps, self._step, self._last_plan = steps, 0, None
        self._lived.clear()

    def act(self, observation: Observation) -> Decision:
        """Return the next action; call `start` first."""
        if not self._goals:
            raise RuntimeError("the agent has no goal: call start(goals) before act(observation)")
        if observation.frame.shape != self._size:
            raise BadValueError(
                f"the frame has shape {observation.frame.shape}, the goal image {self._size}: both "
                "must come from the same camera at the same size."
            )
        began = time.perf_counter()
        state = check_states(observation.state, "observation")
        self._lived.append(Lived(self._encode(observation.frame), state))
        goal = self._goals[sum(self._step >= step for step in self._switch_steps)]
        plan = self._planner.plan(
            self._model, context_of(self._lived), goal, self._generator, moved_on(self._last_plan)
        )
        self._step, self._last_plan = self._step + 1, plan
        return Decision(
            action=plan.actions[0].numpy().astype(np.float64),
            plan=plan,
            energy=float(energy(self._lived[-1].latents, goal)),
            seconds=time.perf_counter() - began,
        )

    @torch.no_grad()
    def _encode(self, frame: Frame) -> Tensor:
        """Return latents (tokens, width) of one frame."""
        return self._model.encode(torch.from_numpy(np.ascontiguousarray(frame))[None])[0]


def context_of(lived: Iterable[Lived]) -> Context:
    """Return what moments, oldest first, tell: past actions are differences of their states."""
    moments = tuple(lived)
    latents = torch.stack([moment.latents for moment in moments])
    states = np.stack([moment.state for moment in moments])
    past = difference(states[:-1], states[1:])
    return Context(
        latents=latents,
        states=torch.as_tensor(states, dtype=torch.float32, device=latents.device),
        past_actions=torch.as_tensor(past, dtype=torch.float32, device=latents.device),
    )


def moved_on(plan: Plan | None) -> Tensor | None:
    """Return what is left of the last plan (horizon, 7), a guess at the next one.

    Standing still at its end; a plan of one action, which leaves nothing, is repeated.
    """
    if plan is None:
        return None
    first, left = plan.actions[:1], plan.actions[1:]
    return torch.cat([left, torch.zeros_like(first)]) if len(left) else first


def _check_frame(frame: object, what: str) -> None:
    if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8:
        seen = getattr(frame, "dtype", type(frame).__name__)
        raise BadValueError(f"{what}: frame is {seen}, expected a uint8 array of 0 … 255.")
    if frame.ndim != 3 or frame.shape[2] != 3 or 0 in frame.shape:
        raise BadValueError(
            f"{what}: frame has shape {frame.shape}, expected (height, width, 3) of one RGB image."
        )

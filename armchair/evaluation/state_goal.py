"""The planner with the goal's state in its objective: labelled `+state goal`, counts for no target.

Fair play shows agents goal images alone. What the state of the goal would add can be measured all
the same, by a contestant of its own name, in a table of its own. Nothing else imports this but the
list of contestants.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from armchair.errors import BadValueError
from armchair.evaluation.contestants import Contestant, Entry
from armchair.evaluation.oracle import goal_states, state_latents
from armchair.planners import Decision, GoalImage, LatentDynamics, Observation, Plan
from armchair.planners.agent import Lived, context_of, moved_on
from armchair.planners.energy import energy
from armchair.poses import check_states
from armchair.worldmodel import poses

LABEL = "+state goal"


def state_goal_contestant(entry: Entry, weight: float) -> Contestant:
    """Return the entrant with so much energy per metre to the goal's position added.

    Raises `BadValueError` for an objective of another distance, in which the two do not add up.
    """
    objective = getattr(getattr(entry.planner, "config", None), "objective", None)
    if (distance := getattr(objective, "distance", "l1")) != "l1":
        raise BadValueError(
            f"objective.distance is {distance!r}, and --state-goal adds metres to l1 alone: leave "
            "one of them out."
        )

    def make(seed: int, simulator: Any) -> StateGoalPolicy:
        return StateGoalPolicy(entry, weight, seed, simulator)

    return Contestant(name=f"planner {LABEL} {weight:g}", diagnosis=make)


class StateGoalDynamics:
    """Another model whose latents have channels more: where the hand is, weighed, in every token.

    The mean absolute difference of all is then the image's (over a few more channels) plus `weight`
    times the distance in metres, summed over x, y, z and the gripper; of the means of neighbouring
    tokens, too.
    """

    def __init__(self, model: LatentDynamics, weight: float) -> None:
        self._model, self._weight = model, weight

    def encode(self, frames: Tensor) -> Tensor:
        """Return the model's own latents; `joined` adds the channels."""
        return self._model.encode(frames)

    def joined(self, latents: Tensor, states: Tensor) -> Tensor:
        """Return latents (..., tokens, more channels) of latents (..., tokens, width) and the
        states (..., 7) that belong to them."""
        where = state_latents(states).to(latents).expand(*latents.shape[:-1], -1)
        share = latents.shape[-1] + where.shape[-1]
        return torch.cat([latents, self._weight * share * where], dim=-1)

    def exactly(self) -> AbstractContextManager[object]:
        """Return the context in which the model is exact, if it has one."""
        choose = getattr(self._model, "exactly", nullcontext)
        context: AbstractContextManager[object] = choose()
        return context

    def rollout(
        self, latents: Tensor, states: Tensor, past_actions: Tensor, candidates: Tensor
    ) -> Tensor:
        """Return imagined latents (candidates, horizon, tokens, more channels)."""
        own = latents[..., : -state_latents(states[-1]).shape[-1]]
        imagined = self._model.rollout(own, states, past_actions, candidates)
        reached, state = [], states[-1].expand(len(candidates), -1)
        for actions in candidates.unbind(dim=1):
            state = poses.compose(state, actions)
            reached.append(state)
        return self.joined(imagined, torch.stack(reached, dim=1))


class StateGoalPolicy:
    """The entrant's planner over `StateGoalDynamics`; shows it as many moments as the entrant."""

    def __init__(self, entry: Entry, weight: float, seed: int, simulator: Any) -> None:
        self._planner, self._model = entry.planner, StateGoalDynamics(entry.model, weight)
        self._generator = torch.Generator().manual_seed(seed)
        self._states = [_tensor(state) for state in goal_states(simulator)]
        self._lived: deque[Lived] = deque(maxlen=entry.context_frames)
        self._goals: list[Tensor] = []
        self._switch_steps: tuple[int, ...] = ()
        self._step = 0
        self._last: Plan | None = None

    def start(self, goals: Sequence[GoalImage], switch_steps: Sequence[int] = ()) -> None:
        """Take the goal images of a new episode; their states are known already."""
        pairs = zip(goals, self._states, strict=True)
        self._goals = [self._model.joined(self._encode(g.frame), state) for g, state in pairs]
        self._switch_steps, self._step, self._last = tuple(switch_steps), 0, None
        self._lived.clear()

    def act(self, observation: Observation) -> Decision:
        """Return the next action."""
        began = time.perf_counter()
        state = check_states(observation.state, "observation")
        now = self._model.joined(self._encode(observation.frame), _tensor(state))
        self._lived.append(Lived(now, state))
        goal = self._goals[sum(self._step >= step for step in self._switch_steps)]
        plan = self._planner.plan(
            self._model, context_of(self._lived), goal, self._generator, moved_on(self._last)
        )
        self._step, self._last = self._step + 1, plan
        return Decision(
            action=plan.actions[0].numpy().astype(np.float64),
            plan=plan,
            energy=float(energy(now, goal)),
            seconds=time.perf_counter() - began,
        )

    @torch.no_grad()
    def _encode(self, frame: NDArray[np.uint8]) -> Tensor:
        return self._model.encode(torch.from_numpy(np.ascontiguousarray(frame))[None])[0]


def _tensor(state: NDArray[np.float64]) -> Tensor:
    return torch.as_tensor(np.array(state), dtype=torch.float32)

"""Dynamics that no agent has: the kinematics with the goal's state, and the simulator itself.

For diagnosis alone. Whoever plays with these knows what fair play keeps from agents.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from armchair.errors import BadValueError
from armchair.planners import (
    Context,
    Decision,
    GoalImage,
    LatentDynamics,
    Observation,
    Plan,
    Planner,
)
from armchair.planners.agent import moved_on
from armchair.planners.energy import energy
from armchair.poses import ACTION_DIM, STATE_DIM, check_states
from armchair.worldmodel import poses

GRIPPER_M = 0.05
"""Metres of distance that closing the gripper all the way counts for."""


class KinematicDynamics:
    """Latents (1 token, 4) are x y z in metres and the gripper, `GRIPPER_M` for all the way."""

    def encode(self, frames: Tensor) -> Tensor:
        """Refuse: a state cannot be read off a picture."""
        raise BadValueError("kinematic dynamics see no pictures; give them states.")

    def rollout(
        self, latents: Tensor, states: Tensor, past_actions: Tensor, candidates: Tensor
    ) -> Tensor:
        """Return imagined latents (candidates, horizon, 1, 4): poses composed, nothing touched."""
        state = states[-1].expand(len(candidates), -1)
        reached = []
        for actions in candidates.unbind(dim=1):
            state = poses.compose(state, actions)
            reached.append(state_latents(state))
        return torch.stack(reached, dim=1)


def state_latents(states: Tensor) -> Tensor:
    """Return latents (..., 1, 4) of states (..., 7)."""
    return torch.cat([states[..., :3], GRIPPER_M * states[..., 6:]], dim=-1).unsqueeze(-2)


class KinematicPolicy:
    """The planner over kinematic dynamics, given the goal's states instead of its pictures."""

    def __init__(self, planner: Planner, seed: int, simulator: Any) -> None:
        self._planner, self._model = planner, KinematicDynamics()
        self._generator = torch.Generator().manual_seed(seed)
        self._goals = [state_latents(_tensor(state)) for state in goal_states(simulator)]
        self._switch_steps: tuple[int, ...] = ()
        self._step = 0
        self._last: Plan | None = None

    def start(self, goals: Sequence[GoalImage], switch_steps: Sequence[int] = ()) -> None:
        """Begin; the pictures are not looked at."""
        self._switch_steps, self._step, self._last = tuple(switch_steps), 0, None

    def act(self, observation: Observation) -> Decision:
        """Return the next action."""
        began = time.perf_counter()
        state = _tensor(check_states(observation.state, "observation"))
        stage = sum(self._step >= step for step in self._switch_steps)
        goal = self._goals[min(stage, len(self._goals) - 1)]
        context = Context(
            latents=state_latents(state)[None], states=state[None], past_actions=torch.zeros(0, 7)
        )
        plan = self._planner.plan(self._model, context, goal, self._generator, moved_on(self._last))
        self._step, self._last = self._step + 1, plan
        return Decision(
            action=plan.actions[0].numpy().astype(np.float64),
            plan=plan,
            energy=float(energy(context.latents[0], goal)),
            seconds=time.perf_counter() - began,
        )


def check_samples(name: str, planner: Planner) -> None:
    """Raise `BadValueError` for a planner that asks for gradients, which a simulator has not.

    One plan over the kinematics tells, whoever's planner it is.
    """
    state = torch.zeros(STATE_DIM)
    here = state_latents(state)
    lived = Context(latents=here[None], states=state[None], past_actions=torch.zeros(0, ACTION_DIM))
    plan = planner.plan(KinematicDynamics(), lived, here, torch.Generator().manual_seed(0))
    if plan.gradients:
        raise BadValueError(
            f"planner {name!r} needs gradients, and the simulator, the ladder's second rung, gives "
            "none: use a planner that samples, such as cem."
        )


class SimulatorDynamics:
    """What a perfect predictor would say: candidates are carried out, photographed and encoded.

    The simulator is put back after each candidate, exactly. Its actions take as long as they take:
    a few dozen candidates a plan are what one can afford.
    """

    def __init__(self, model: LatentDynamics, simulator: Any) -> None:
        self._model, self._robot = model, simulator.robot
        for needed in ("snapshot", "restore"):
            if not hasattr(self._robot, needed):
                raise BadValueError(
                    f"{type(self._robot).__name__} has no {needed}(): the simulator rung of the "
                    "ladder needs an arm that can be put back."
                )

    def encode(self, frames: Tensor) -> Tensor:
        """Return the model's latents (batch, tokens, width)."""
        return self._model.encode(frames)

    def rollout(
        self, latents: Tensor, states: Tensor, past_actions: Tensor, candidates: Tensor
    ) -> Tensor:
        """Return latents (candidates, horizon, tokens, width) of what would really be seen."""
        before = self._robot.snapshot()
        frames = []
        try:
            for candidate in candidates.detach().cpu().double().numpy():
                frames += [self._step(action) for action in candidate]
                self._robot.restore(before)
        finally:
            self._robot.restore(before)
        seen = self._model.encode(torch.from_numpy(np.stack(frames)))
        together: Tensor = seen.unflatten(0, candidates.shape[:2])
        return together

    def _step(self, action: NDArray[np.float64]) -> NDArray[np.uint8]:
        self._robot.move(action)
        return np.array(self._robot.frame(), dtype=np.uint8)


def goal_states(simulator: Any) -> list[NDArray[np.float64]]:
    """Return the states (7,) of all sub-goals and of the goal, in order."""
    if hasattr(simulator, "goal_states"):
        return [np.asarray(state) for state in simulator.goal_states()]
    return [np.asarray(simulator.goal_state())]


def _tensor(state: NDArray[np.float64]) -> Tensor:
    return torch.as_tensor(np.array(state), dtype=torch.float32)

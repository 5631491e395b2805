"""What plays an episode, and the controls that do not plan: random, hold, constrained expert.

Only the experts are built from the simulator; every other policy is started with goal images.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from armchair.planners import ActionBounds, Decision, GoalImage, Observation
from armchair.poses import ACTION_DIM, difference

Vector = NDArray[np.float64]


class Policy(Protocol):
    """Plays one episode; `RecedingHorizonAgent` fits."""

    def start(self, goals: Sequence[GoalImage], switch_steps: Sequence[int] = ()) -> None:
        """Take the goal images of a new episode."""
        ...

    def act(self, observation: Observation) -> Decision:
        """Return the next action."""
        ...


class _Goalless:
    """Ignores the goal images."""

    def start(self, goals: Sequence[GoalImage], switch_steps: Sequence[int] = ()) -> None:
        """Do nothing."""


class RandomPolicy(_Goalless):
    """Draws every action uniformly within the planner's bounds."""

    def __init__(self, seed: int, bounds: ActionBounds) -> None:
        self._generator = torch.Generator().manual_seed(seed)
        self._bounds = bounds

    def act(self, observation: Observation) -> Decision:
        """Return a random action."""
        action = self._bounds.sample(1, 1, self._generator)[0, 0]
        return Decision(action=action.numpy().astype(np.float64))


class HoldPolicy(_Goalless):
    """Does nothing."""

    def act(self, observation: Observation) -> Decision:
        """Return the zero action."""
        return Decision(action=np.zeros(ACTION_DIM))


class ExpertPolicy(_Goalless):
    """The constrained expert: reads the goal state and goes there, as far as the bounds let it.

    It is the ceiling of the task as the planner finds it: the same steps and the same bounds, which
    as a rule leave no rotation; the gripper is left alone.
    """

    def __init__(self, goal_state: Vector, bounds: ActionBounds) -> None:
        self._goal_state, self._bounds = goal_state, bounds

    def act(self, observation: Observation) -> Decision:
        """Return the difference to the goal state, within bounds."""
        action = difference(observation.state, self._goal_state)
        action[6] = 0.0
        return Decision(action=self._bounds.clip(torch.from_numpy(action)).numpy())


class SimulatorExpert(_Goalless):
    """The constrained expert of a task with an object: the simulator says what to do next.

    Whatever it says is clipped to the planner's bounds.
    """

    def __init__(self, next_action: Callable[[], Vector], bounds: ActionBounds) -> None:
        self._next_action, self._bounds = next_action, bounds

    def act(self, observation: Observation) -> Decision:
        """Return the script's next action, within bounds."""
        action = torch.from_numpy(np.array(self._next_action(), dtype=np.float64))
        return Decision(action=self._bounds.clip(action).numpy())

"""Tasks with an object, without a simulator: a hand that is told what it touches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np

from tests.evaluation.fakes import FakeReach, picture_of

UPRIGHT = [1.0, 0.0, 0.0, 0.0]


class FakeHand:
    """Says what a test wrote into it; a held object follows the lift by `comes_along`."""

    def __init__(self) -> None:
        self.at = np.array([0.5, 0.1, 0.025])
        self.touched, self.comes_along = True, 1.0
        self.speed, self.tilt, self.clearance = 0.0, 0.0, 0.03
        self.lifts: list[tuple[float, float]] = []

    def object_pose(self) -> np.ndarray:
        return np.array([*self.at, *UPRIGHT])

    def object_speed(self) -> float:
        return self.speed

    def object_tilt(self) -> float:
        return self.tilt

    def held(self) -> bool:
        return self.touched

    def pad_clearance(self) -> float:
        return self.clearance

    def lift(self, metres: float, seconds: float) -> None:
        self.lifts.append((metres, seconds))
        self.at[2] += metres * self.comes_along


class FakePlacing:
    """An episode of any task with an object that is just over, and went well."""

    def __init__(self) -> None:
        self.robot, self.held_s = FakeHand(), 0.0
        self.grasped = self.carried = True
        self.flange, self.goal = np.full(7, 0.2), np.full(7, 0.2)
        self.on_hold: Callable[[], None] = lambda: None

    def goal_state(self) -> np.ndarray:
        return self.goal

    def flange_state(self) -> np.ndarray:
        return self.flange

    def goal_object_pose(self) -> np.ndarray:
        return np.array([0.5, 0.1, 0.025, *UPRIGHT])

    def hold(self, seconds: float) -> None:
        self.held_s += seconds
        self.on_hold()

    def was_grasped(self) -> bool:
        return self.grasped

    def was_carried(self) -> bool:
        return self.carried


class FakePickPlace(FakeReach):
    """The fake reach with three goal pictures, of which the observation shows the one in force."""

    action_space = gymnasium.spaces.Box(-1.0, 1.0, (7,))

    def __init__(self) -> None:
        super().__init__()
        self.robot = FakeHand()

    def goal_states(self) -> np.ndarray:
        return np.stack([self.start + part * (self.goal - self.start) for part in (0.3, 0.6, 1.0)])

    def goal_frames(self) -> np.ndarray:
        return np.stack([picture_of(state) for state in self.goal_states()])

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        observed, info = super().reset(seed=seed, options=options)
        self.start = self.state.copy()
        self.robot.at = self.state[:3]
        return {**observed, "goal_frame": self.goal_frames()[0]}, info

    def step(self, action: Any) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        result = super().step(action)
        self.robot.at = self.state[:3]
        return result

    def expert_move(self) -> float:
        super().expert_move()
        self.robot.at = self.state[:3]
        return 0.0

    def goal_object_pose(self) -> np.ndarray:
        return np.array([*self.goal[:3], *UPRIGHT])

    def constrained_expert(self) -> Callable[[], np.ndarray]:
        """An expert that would like to turn and to move farther: the bounds are the evaluator's."""
        return lambda: np.array([*(self.goal - self.state)[:3], 0.3, 0.0, 0.0, -0.9])

    def was_grasped(self) -> bool:
        return True

    def was_carried(self) -> bool:
        return True

"""A reach task without a simulator and a world model that knows its physics."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import torch
from torch import Tensor, nn

from armchair.poses import compose
from armchair.seeds import episode_seed

CENTRE = np.array([0.45, 0.0, 0.40])


def picture_of(state: np.ndarray) -> np.ndarray:
    """Return a picture (64, 64, 3) of a dot whose corner pixel holds the position in 2 mm."""
    frame = np.full((64, 64, 3), 200, np.uint8)
    pixels = np.round((state[:3] - CENTRE) * 500 + 128).clip(0, 255).astype(np.uint8)
    row, column = 60 - int(pixels[2]) // 5, int(pixels[1]) // 5
    frame[max(row - 3, 0) : row + 3, max(column - 3, 0) : column + 3] = (180, 40, 40)
    frame[0, 0] = pixels
    return frame


class FakeReach(gymnasium.Env[dict[str, Any], Any]):
    """Moves exactly as told; counts what the evaluator does."""

    action_space = gymnasium.spaces.Box(-1.0, 1.0, (7,))

    def __init__(self, rejected: int = 0) -> None:
        self.rejected, self.resets, self.held = rejected, 0, 0.0
        self.actions: list[np.ndarray] = []

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        assert options is not None
        rng = np.random.default_rng(
            episode_seed(options["role"], options["seed"], options["episode"])
        )
        assert options["level"] == "light"
        self.resets += 1
        self.state = np.array([*CENTRE, np.pi, 0.0, 0.0, 0.0])
        direction = rng.normal(size=3)
        self.goal = self.state.copy()
        self.goal[:3] += rng.uniform(0.15, 0.2) * direction / np.linalg.norm(direction)
        return self._observe(), {"rejected_resets": self.rejected}

    def step(self, action: Any) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        self.actions.append(np.array(action))
        self.state = compose(self.state, action)
        return self._observe(), 0.0, False, False, {}

    def _observe(self) -> dict[str, Any]:
        return {
            "frame": picture_of(self.state),
            "state": self.state.copy(),
            "goal_frame": picture_of(self.goal),
            "goal_state": self.goal.copy(),  # a leak that the evaluator must strip
        }

    def goal_state(self) -> np.ndarray:
        return self.goal.copy()

    def flange_state(self) -> np.ndarray:
        return self.state.copy()

    def hold(self, seconds: float) -> None:
        self.held += seconds

    def expert_move(self) -> float:
        self.state = self.goal.copy()
        return 0.0


class PixelModel(nn.Module):
    """Latents (1 token, 3 wide) are the position that the picture's corner pixel holds, metres."""

    def __init__(self) -> None:
        super().__init__()
        self.predictor = nn.Linear(7, 3)
        with torch.no_grad():
            self.predictor.weight.copy_(torch.eye(3, 7))
            self.predictor.bias.zero_()

    def encode(self, frames: Tensor) -> Tensor:
        return (frames[:, :1, 0].float() - 128) / 500

    def rollout(
        self, latents: Tensor, states: Tensor, past_actions: Tensor, candidates: Tensor
    ) -> Tensor:
        change: Tensor = self.predictor(candidates.float())
        return latents[-1] + change.cumsum(dim=1)[:, :, None]

"""Gymnasium ids; `import armchair` registers them, by name and without loading a simulator."""

from __future__ import annotations

import gymnasium as gym


def register() -> None:
    """Register every task of the benchmark under its versioned id; calling it twice is harmless."""
    if "armchair/FrankaReach-v0" not in gym.registry:
        gym.register(
            "armchair/FrankaReach-v0",
            entry_point="armchair.envs.reach:FrankaReachEnv",
            order_enforce=True,
        )

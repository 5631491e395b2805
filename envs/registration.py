"""Gymnasium ids; `import armchair` registers them, by name and without loading a simulator."""

from __future__ import annotations

import gymnasium as gym

TASKS = {
    "armchair/FrankaReach-v0": "armchair.envs.reach:FrankaReachEnv",
    "armchair/FrankaGrasp-v0": "armchair.envs.grasp:FrankaGraspEnv",
    "armchair/FrankaReachWithObject-v0": "armchair.envs.reach_with_object:FrankaReachWithObjectEnv",
    "armchair/FrankaPickPlace-v0": "armchair.envs.pick_place:FrankaPickPlaceEnv",
}
"""Versioned id and class; all but the first take `object="cup"` or `object="box"`."""


def register() -> None:
    """Register every task of the benchmark under its versioned id; calling it twice is harmless."""
    for name, entry_point in TASKS.items():
        if name not in gym.registry:
            gym.register(name, entry_point=entry_point, order_enforce=True)

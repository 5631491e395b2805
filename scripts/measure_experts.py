"""Print how often both experts succeed in each of the seven tasks: benchmark v1 without pictures.

    python scripts/measure_experts.py --episodes 100 --tasks grasp-cup,pick-place-box

Scenes, budgets and success rules are those of `armchair evaluate`; only frames are not drawn, which
no expert looks at. `benchmark v1` asks of the constrained expert 95 of 100.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import load_env_creator
from numpy.typing import NDArray

import armchair.envs  # noqa: F401  (registers the ids)
from armchair.evaluation.contestants import Contestant
from armchair.evaluation.episode import Scene, play
from armchair.evaluation.statistics import wilson95
from armchair.evaluation.tasks import TASK_NAMES, TASKS
from armchair.planners import ActionBounds
from armchair.sim.object_robot import SimObjectRobot

ENOUGH = 0.95
EXPERTS = {
    "free": Contestant(name="expert", free_expert=True),
    "constrained": Contestant(name="expert-constrained", constrained_expert=ActionBounds()),
}


class BlindRobot(SimObjectRobot):
    """The simulated arm without its camera: no GL, and half the time."""

    def frame(self, camera: str = "left") -> NDArray[np.uint8]:
        """Return a black picture."""
        return np.zeros((256, 256, 3), np.uint8)


def measure(name: str, expert: str, episodes: range, role: str, seed: int, level: str) -> int:
    """Play the episodes, print a line about each failure, and return how many succeeded."""
    task = TASKS[name]
    creator: Any = load_env_creator(gym.spec(task.env_id).entry_point)  # type: ignore[arg-type]
    env = creator(**task.env_options, robot=BlindRobot(**task.env_options))
    successes = rejected = 0
    for episode in episodes:
        scene = Scene(role=role, seed=seed, episode=episode, level=level)
        trace = play(env, task, scene, EXPERTS[expert])
        successes += trace.verdict.success
        rejected += trace.rejected_resets
        if not trace.verdict.success:
            unmet = [clause for clause, met in trace.verdict.clauses.items() if not met]
            print(f"  {name} {expert} episode {episode}: {', '.join(unmet) or 'too far'}")
    low, high = wilson95(successes, len(episodes))
    print(
        f"{name:16} {expert:12} {successes}/{len(episodes)}  [{low:.2f}, {high:.2f}]"
        f"  rejected resets {rejected}",
        flush=True,
    )
    return successes


def main() -> int:
    """Return 1 if an expert succeeds in fewer than 95 %."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--episodes", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="index of the first episode")
    parser.add_argument("--tasks", default=",".join(TASK_NAMES))
    parser.add_argument("--experts", default="constrained,free")
    parser.add_argument("--role", default="validation")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--level", default="light")
    args = parser.parse_args()
    episodes, enough = range(args.first, args.first + args.episodes), True
    for name in args.tasks.split(","):
        for expert in args.experts.split(","):
            won = measure(name, expert, episodes, args.role, args.seed, args.level)
            enough = enough and won >= ENOUGH * len(episodes)
    return 0 if enough else 1


if __name__ == "__main__":
    sys.exit(main())

"""One episode: the evaluator owns the environment and strips what the policy sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from armchair.evaluation.contestants import Contestant
from armchair.evaluation.policies import Policy
from armchair.evaluation.tasks import Task
from armchair.evaluation.verdicts import Verdict
from armchair.planners import Decision, GoalImage, ImaginationError, Observation
from armchair.seeds import episode_seed
from armchair.sim.randomise import LEVELS

Env = gymnasium.Env[Any, Any]

POLICY_STREAM = 0xA9E17
"""Spawn key of the policy's random stream: apart from every stream of the scene."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Which episode of the benchmark this is; raises `UnknownNameError` for an unknown level."""

    role: str
    seed: int
    episode: int
    level: str

    def __post_init__(self) -> None:
        LEVELS[self.level]

    def options(self) -> dict[str, Any]:
        """Return the options of `env.reset`."""
        return {
            "role": self.role,
            "seed": self.seed,
            "episode": self.episode,
            "level": self.level,
        }

    def entropy(self) -> tuple[int, ...]:
        """Return the numbers of the episode's seed sequence: role, seed, episode."""
        entropy = episode_seed(self.role, self.seed, self.episode).entropy
        return tuple(int(number) for number in np.atleast_1d(np.asarray(entropy)))

    def policy_seed(self) -> int:
        """Return the seed of the policy's generator, independent of the scene's own streams."""
        root = episode_seed(self.role, self.seed, self.episode)
        stream = np.random.SeedSequence(root.entropy, spawn_key=(*root.spawn_key, POLICY_STREAM))
        return int(stream.generate_state(1, np.uint32)[0])


@dataclass(frozen=True, kw_only=True)
class Trace:
    """All that happened, for the report and the video.

    frames: (height, width, 3) uint8, before the first step and after each; distances_m alike;
    goals: what the policy was shown; stopped: why the episode ended before its steps, if it did.
    """

    frames: tuple[NDArray[np.uint8], ...]
    goals: tuple[GoalImage, ...]
    decisions: tuple[Decision, ...]
    distances_m: tuple[float, ...]
    verdict: Verdict
    rejected_resets: int
    stopped: str | None = None


def play(
    env: Env,
    task: Task,
    scene: Scene,
    contestant: Contestant,
    goals: Sequence[GoalImage] | None = None,
) -> Trace:
    """Play one episode; `goals` replace the scene's own (shuffled goals)."""
    observed, info = env.reset(options=scene.options())
    simulator: Any = env.unwrapped
    shown = tuple(goals) if goals is not None else goal_images(env, task, observed)
    frames, distances = [_frame(observed)], [task.distance(simulator)]
    decisions: list[Decision] = []
    stopped: str | None = None
    if contestant.free_expert:
        simulator.expert_move()
        distances.append(task.distance(simulator))
    else:
        policy = _fresh_policy(contestant, task, scene, simulator)
        policy.start(shown, task.switch_steps)
        for _ in range(task.steps):
            try:
                decisions.append(policy.act(strip(observed)))
            except ImaginationError as error:
                stopped = str(error)
                break
            observed = env.step(decisions[-1].action)[0]
            frames.append(_frame(observed))
            distances.append(task.distance(simulator))
    verdict = task.judge(simulator)
    if stopped is not None:
        verdict = replace(verdict, success=False, success_4cm=False)
    return Trace(
        frames=tuple(frames),
        goals=shown,
        decisions=tuple(decisions),
        distances_m=tuple(distances),
        verdict=verdict,
        rejected_resets=int(info.get("rejected_resets", 0)),
        stopped=stopped,
    )


def strip(observed: dict[str, Any]) -> Observation:
    """Return what a policy may see of an observation: the frame and the robot's own state."""
    return Observation(frame=_frame(observed), state=np.array(observed["state"], dtype=np.float64))


def goal_images(env: Env, task: Task, observed: dict[str, Any]) -> tuple[GoalImage, ...]:
    """Return the goal image of an observation; those of the sub-goals before it, if there are."""
    if not task.switch_steps:
        return (GoalImage(frame=np.array(observed["goal_frame"], dtype=np.uint8)),)
    simulator: Any = env.unwrapped
    return tuple(GoalImage(frame=np.array(picture)) for picture in simulator.goal_frames())


def _frame(observed: dict[str, Any]) -> NDArray[np.uint8]:
    return np.array(observed["frame"], dtype=np.uint8)


def _fresh_policy(contestant: Contestant, task: Task, scene: Scene, simulator: Any) -> Policy:
    if contestant.constrained_expert is not None:  # it and the ladder alone get a simulator
        return task.expert(simulator, contestant.constrained_expert)
    if contestant.diagnosis is not None:
        return contestant.diagnosis(scene.policy_seed(), simulator)
    assert contestant.make is not None, contestant.name
    return contestant.make(scene.policy_seed())

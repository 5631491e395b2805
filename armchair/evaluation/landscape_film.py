"""The landscape over an episode: one picture before every action, from the frame to the goal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from numpy.typing import NDArray

from armchair.evaluation.episode import Scene, goal_images, strip
from armchair.evaluation.film import write_film
from armchair.evaluation.landscape import Landscape, LandscapeConfig, compute
from armchair.evaluation.landscape_picture import figure_of
from armchair.evaluation.oracle import goal_states
from armchair.evaluation.pairs import FramePair
from armchair.evaluation.policies import Policy
from armchair.evaluation.tasks import TASKS
from armchair.planners import ImaginationError, LatentDynamics, Observation

FPS = 4
PICTURES_PER_STEP = 4


def moments(scene: Scene, policy: Policy, steps: int, task: str = "reach") -> Iterator[FramePair]:
    """Play an episode of a task and yield, before every action, the present and the goal of then.

    The goals' states only mark the true action in the picture; the policy gets pictures.
    """
    rules = TASKS[task]
    env = rules.make_env()
    try:
        observed, _ = env.reset(options=scene.options())
        goals = goal_images(env, rules, observed)
        states = goal_states(env.unwrapped)
        policy.start(goals, rules.switch_steps)
        for step in range(steps):
            now, stage = strip(observed), sum(step >= switch for switch in rules.switch_steps)
            goal = Observation(frame=goals[stage].frame, state=states[stage])
            name = f"{task}-{scene.role}-{scene.seed}-{scene.episode}"
            yield FramePair(name=name, before=now, after=goal)
            if step < steps - 1:
                observed = env.step(policy.act(now).action)[0]
    finally:
        env.close()


def film(
    path: Path, model: LatentDynamics, pairs: Iterator[FramePair], config: LandscapeConfig
) -> tuple[list[Landscape], str | None]:
    """Write an MP4 of 1100x620 pixels, a second a step; return the landscapes, and why it ended.

    It ends early where the model imagines no number; if that is at once, raises `ImaginationError`.
    """
    landscapes: list[Landscape] = []
    pictures: list[NDArray[np.uint8]] = []
    stopped: str | None = None
    try:
        for step, pair in enumerate(pairs):
            landscapes.append(compute(model, pair, config))
            title = f"{pair.name} · step {step}"
            pictures += [_drawn(landscapes[-1], pair, title)] * PICTURES_PER_STEP
    except ImaginationError as error:
        if not landscapes:
            raise
        stopped = str(error)
    write_film(path, pictures, FPS)
    return landscapes, stopped


def figures_of(landscapes: Sequence[Landscape]) -> dict[str, object]:
    """Return what is written beside the film: settings, and figures of every step, JSON-ready."""
    return {
        **asdict(landscapes[0].config),
        "steps": [landscape.figures() for landscape in landscapes],
    }


def _drawn(landscape: Landscape, pair: FramePair, title: str) -> NDArray[np.uint8]:
    canvas: Any = FigureCanvasAgg(figure_of(landscape, pair, title))
    canvas.draw()
    return np.array(canvas.buffer_rgba(), dtype=np.uint8)[..., :3]

"""Camera positions swept about the table: a random walk at each, and reaches with and without."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gymnasium
import numpy as np
import torch
from numpy.typing import NDArray

from armchair.envs.robot import Robot
from armchair.errors import BadValueError
from armchair.evaluation.calibration import LEAST_PAIRS, CalibratedPolicy, Calibration, fit
from armchair.evaluation.contestants import Contestant, Entry
from armchair.evaluation.episode import Scene, play
from armchair.evaluation.outcomes import Outcome
from armchair.evaluation.tasks import TASKS
from armchair.planners import Context, ImaginationError, LatentDynamics, Observation, Planner
from armchair.poses import difference

Array = NDArray[np.float64]

START_M = np.array([0.46, 0.0, 0.36])
"""Flange at the start of the walk: above the middle of the table."""
AREA_M = np.array([0.09, 0.16])
"""The walk stays so far from its start, in x and y: fingers in the picture."""
STEP_M = (0.03, 0.07)
"""Length of a move; 5 cm on average, as in the paper."""


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Which angles (degrees), moments in a walk, scenes and seed; reaches per angle and arm."""

    angles: tuple[float, ...] = (35.0, 45.0, 55.0, 65.0, 75.0, 85.0)
    steps: int = 201
    level: str = "none"
    seed: int = 0
    episodes: int = 0

    def __post_init__(self) -> None:
        if not self.angles or any(not -180.0 <= angle <= 180.0 for angle in self.angles):
            raise BadValueError(f"angles are {self.angles}, expected degrees from -180 to 180.")
        if self.steps < 4:
            raise BadValueError(f"steps is {self.steps}, expected 4 moments or more.")
        if self.episodes < 0:
            raise BadValueError(f"episodes is {self.episodes}, expected 0 or more.")


def robot_at(angle: float) -> Robot:
    """Return a simulated arm whose left camera stands at an angle about the table, degrees."""
    from armchair.sim.cameras import PLACEMENTS, STANDARD_PLACEMENT
    from armchair.sim.robot import SimRobot
    from armchair.sim.scene import SceneConfig

    placement = replace(PLACEMENTS[STANDARD_PLACEMENT], angle_deg=angle)
    return SimRobot(SceneConfig(left=placement))


def walk(robot: Robot, steps: int, level: str, seed: int) -> list[Observation]:
    """Return `steps` moments of a random walk in the horizontal plane; the same for every angle."""
    rng = np.random.default_rng(seed)
    robot.new_scene(level, np.random.default_rng(seed))
    robot.drive_to(START_M)
    moments = [Observation(frame=robot.frame(), state=robot.state())]
    while len(moments) < steps:
        robot.move(_next_move(moments[-1].state, rng))
        moments.append(Observation(frame=robot.frame(), state=robot.state()))
    return moments


def _next_move(state: Array, rng: np.random.Generator) -> Array:
    """Return a move (7,) within the plane that stays in the area; height is held."""
    while True:
        angle, length = rng.uniform(-np.pi, np.pi), rng.uniform(*STEP_M)
        step = length * np.array([np.cos(angle), np.sin(angle)])
        if bool((np.abs(state[:2] + step - START_M[:2]) <= AREA_M).all()):
            return np.array([*step, START_M[2] - state[2], 0.0, 0.0, 0.0, 0.0])


def inferred_actions(
    model: LatentDynamics, planner: Planner, moments: Sequence[Observation], seed: int
) -> tuple[Array, Array]:
    """Return inferred and real x and y (pairs, 2) of every two moments that follow.

    Pairs between which the model imagines no number are left out. Raises `ImaginationError` if too
    few are left for that reason.
    """
    latents = torch.cat(
        [model.encode(torch.from_numpy(np.array(seen.frame))[None]) for seen in moments]
    )
    states = np.stack([seen.state for seen in moments])
    real = difference(states[:-1], states[1:])[:, :2]
    found: list[Array] = []
    kept: list[int] = []
    failure: ImaginationError | None = None
    for number in range(len(moments) - 1):
        state = torch.as_tensor(states[number : number + 1], dtype=torch.float32)
        context = Context(
            latents=latents[number : number + 1],
            states=state.to(latents.device),
            past_actions=latents.new_zeros(0, 7),
        )
        generator = torch.Generator().manual_seed(seed + number)
        try:
            plan = planner.plan(model, context, latents[number + 1], generator)
        except ImaginationError as error:
            failure = error
            continue
        found.append(plan.actions.sum(dim=0)[:2].double().numpy())
        kept.append(number)
    if failure is not None and len(found) < LEAST_PAIRS:
        raise failure
    return np.array(found).reshape(-1, 2), np.asarray(real[kept])


@dataclass(frozen=True, kw_only=True)
class AngleResult:
    """One camera position; outcomes of the reaches as inferred and turned, if any were played.

    dropped: pairs left out because the model imagined no number between them.
    """

    angle_deg: float
    calibration: Calibration
    dropped: int = 0
    plain: tuple[Outcome, ...] = ()
    turned: tuple[Outcome, ...] = ()


def sweep(
    entry: Entry, settings: Sweep, on_angle: Callable[[AngleResult], None]
) -> list[AngleResult]:
    """Walk, fit and, if asked for, reach at every angle."""
    results = []
    for angle in settings.angles:
        robot = robot_at(angle)
        try:
            moments = walk(robot, settings.steps, settings.level, settings.seed)
            pairs = inferred_actions(entry.model, entry.planner, moments, settings.seed)
            calibration = fit(*pairs)
            plain, turned = _reaches(entry, settings, robot, calibration)
        finally:
            robot.close()
        results.append(
            AngleResult(
                angle_deg=angle,
                calibration=calibration,
                dropped=len(moments) - 1 - calibration.pairs,
                plain=plain,
                turned=turned,
            )
        )
        on_angle(results[-1])
    return results


def _reaches(
    entry: Entry, settings: Sweep, robot: Robot, calibration: Calibration
) -> tuple[tuple[Outcome, ...], tuple[Outcome, ...]]:
    """Return the same reaches, actions as inferred and actions turned."""
    if not settings.episodes:
        return (), ()
    task = TASKS["reach"]
    import armchair.envs  # noqa: F401  # registers the ids in a checkout that is not installed

    env: Any = gymnasium.make(task.env_id, disable_env_checker=True, robot=robot)
    both = [
        Contestant(name="plain", make=entry.agent),
        Contestant(
            name="turned",
            make=lambda seed: CalibratedPolicy(entry.agent(seed), calibration.turn, entry.bounds),
        ),
    ]
    outcomes = []
    for contestant in both:
        played = []
        for episode in range(settings.episodes):
            scene = Scene(
                role="validation", seed=settings.seed, episode=episode, level=settings.level
            )
            played.append(Outcome.of(play(env, task, scene, contestant), scene, None))
        outcomes.append(tuple(played))
    return outcomes[0], outcomes[1]

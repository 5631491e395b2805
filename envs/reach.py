"""`armchair/FrankaReach-v0`: bring the flange to where it is in a goal picture."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from armchair.envs.robot import Robot
from armchair.envs.spaces import action_space, checked_action, observation_space
from armchair.errors import ArmchairError, UnknownNameError
from armchair.seeds import episode_seed

Array = NDArray[np.float64]
Observation = dict[str, Any]

NOMINAL_START_M = np.array([0.46, 0.0, 0.36])
"""The middle of the start positions: above the table's centre, in the camera's view."""
START_RANGE_M = 0.08
"""Benchmark v1: the start flange lies within ±8 cm of nominal, per axis."""
GOAL_LOW_M, GOAL_HIGH_M = np.array([0.34, -0.22, 0.24]), np.array([0.62, 0.22, 0.50])
"""Goals lie where the fingers stay in the picture and clear of the object."""
GOAL_DISTANCE_M = (0.10, 0.25)
"""Benchmark v1: goal 10–25 cm away."""
STEPS = 10
ARRIVED_M = 0.001
"""The expert's goal and start must be reached this closely, else the reset is rejected. Drawn
places keep as far within the benchmark's ranges, so that the measured ones lie within, too."""
COME_TO_REST_S = 1.0
"""Until the last millimetres are driven: the arm comes from the goal, and a rest of that motion
at the start would tell where the goal is."""
MAX_REJECTIONS = 20
EPISODE_OPTIONS = ("role", "seed", "episode")
"""Options of `reset` that, given one of them, decide scene, start and goal."""


class FrankaReachEnv(gym.Env[Observation, Array], gym.utils.EzPickle):
    """Reach: the goal is a picture, taken where the arm really stood 10–25 cm from its start.

    ## Action space: `Box(7,)`, float64, a change of state that `step` carries out and waits for

    | index | meaning | bounds |
    |---|---|---|
    | 0–2 | change of flange position, base frame | ±0.075 m |
    | 3–5 | change of rotation, extrinsic xyz, base frame | ±0.5 rad |
    | 6 | change of gripper closedness, + closes | ±1 |

    ## Observation space: `Dict`

    | key | meaning | shape, dtype |
    |---|---|---|
    | `frame` | left exterior camera, now | (256, 256, 3) uint8 |
    | `state` | x y z (m), roll pitch yaw (rad), gripper 0 open … 1 closed | (7,) float64 |
    | `goal_frame` | the same camera when the arm stood at the goal | (256, 256, 3) uint8 |

    ## Reward, end, seeds

    The reward is minus the distance of the flange to its goal in metres; agents of the benchmark
    never see it. `terminated` is always False; `truncated` after 10 steps. The goal state is only
    at `env.unwrapped.goal_state()`, for the evaluator. `reset(options=...)` takes `level` and, for
    benchmark episodes, `role`, `seed` and `episode`, which then decide everything.

    Source: V-JEPA 2 (Assran et al., 2025), section 4.2; benchmark v1 of this project.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array", "human"], "render_fps": 15}  # noqa: RUF012

    def __init__(
        self, render_mode: str | None = None, level: str = "light", robot: Robot | None = None
    ) -> None:
        gym.utils.EzPickle.__init__(self, render_mode, level, robot)
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ArmchairError(
                f"render_mode {render_mode!r} is unknown; choose 'rgb_array', 'human' or None."
            )
        self.render_mode, self.level = render_mode, level
        self._actions = action_space()
        self.action_space: gym.Space[Any] = self._actions
        self.observation_space = observation_space()
        self._given_robot = robot
        self._robot: Robot | None = None
        self._goal_frame: NDArray[np.uint8] | None = None
        self._goal_state: Array | None = None
        self._step = 0

    @property
    def robot(self) -> Robot:
        """The arm, made on first use in the process that steps it."""
        if self._robot is None:
            if self._given_robot is None:
                from armchair.sim.robot import SimRobot

                self._given_robot = SimRobot()
            self._robot = self._given_robot
        return self._robot

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Make a new scene, start and goal; `info["rejected_resets"]` counts failed attempts.

        Raises `UnknownNameError` for another option, level or role.
        """
        super().reset(seed=seed)
        options = options or {}
        rng, level = self._generator(options), options.get("level", self.level)
        for rejected in range(MAX_REJECTIONS):
            if self._try_scene(level, rng):
                self._step = 0
                self._show()
                return self._observe(), {"rejected_resets": rejected}
        raise ArmchairError(f"no reachable goal in {MAX_REJECTIONS} scenes of level {level!r}")

    def step(self, action: Array) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Move by `action` and wait until the arm has settled or 1.2 s have passed."""
        goal = self.goal_state()[:3]
        self.robot.move(checked_action(action, self._actions))
        self._step += 1
        self._show()
        distance = float(np.linalg.norm(self.robot.state()[:3] - goal))
        return self._observe(), -distance, False, self._step >= STEPS, {}

    def goal_state(self) -> Array:
        """Return the state (7,) at which the goal picture was taken; for the evaluator only."""
        if self._goal_state is None:
            raise ArmchairError("the environment has no goal yet; call reset() first")
        return self._goal_state.copy()

    def flange_state(self) -> Array:
        """Return the present state (7,), read from the simulator."""
        return self.robot.state()

    def hold(self, seconds: float) -> None:
        """Keep pose and gripper command for a time in seconds."""
        self.robot.hold(seconds)

    def expert_move(self) -> float:
        """Drive straight to the goal, as the free expert does; returns the error in metres."""
        return self.robot.drive_to(self.goal_state()[:3])

    def render(self) -> NDArray[np.uint8] | None:
        """Return the present picture (256, 256, 3) for "rgb_array"; a window shows itself."""
        return self.robot.frame() if self.render_mode == "rgb_array" else None

    def close(self) -> None:
        """Free the arm's windows and GL contexts."""
        if self._robot is not None:
            self._robot.close()
            self._robot = None

    def _generator(self, options: dict[str, Any]) -> np.random.Generator:
        """Return the generator that decides the scene: Gymnasium's, or a benchmark episode's."""
        for name in options:
            if name not in ("level", *EPISODE_OPTIONS):
                raise UnknownNameError("reset option", str(name), ("level", *EPISODE_OPTIONS))
        if not set(options) & set(EPISODE_OPTIONS):
            return self.np_random
        role, seed = options.get("role", "validation"), options.get("seed", 0)
        return np.random.default_rng(episode_seed(role, seed, options.get("episode", 0)))

    def _try_scene(self, level: str, rng: np.random.Generator) -> bool:
        self.robot.new_scene(level, rng)
        start = NOMINAL_START_M + rng.uniform(-1, 1, 3) * (START_RANGE_M - ARRIVED_M)
        goal = _sample_goal(start, rng)
        if not self._arrive(goal):
            return False
        self._goal_frame, self._goal_state = self.robot.frame(), self.robot.state()
        return self._arrive(start)

    def _arrive(self, position: Array) -> bool:
        """Drive to a flange position (3,), come to rest, and return whether it was reached."""
        self.robot.drive_to(position)
        self.robot.hold(COME_TO_REST_S)
        return bool(np.linalg.norm(self.robot.state()[:3] - position) <= ARRIVED_M)

    def _observe(self) -> Observation:
        assert self._goal_frame is not None
        return {
            "frame": self.robot.frame(),
            "state": self.robot.state(),
            "goal_frame": self._goal_frame.copy(),
        }

    def _show(self) -> None:
        if self.render_mode == "human":
            self.robot.show()


def _sample_goal(start: Array, rng: np.random.Generator) -> Array:
    """Return a flange position (3,) in the goal box, 10–25 cm from `start`, in metres."""
    low, high = GOAL_DISTANCE_M[0] + 2 * ARRIVED_M, GOAL_DISTANCE_M[1] - 2 * ARRIVED_M
    while True:
        goal = rng.uniform(GOAL_LOW_M, GOAL_HIGH_M)
        if low <= np.linalg.norm(goal - start) <= high:
            return np.asarray(goal)

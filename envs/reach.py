"""`armchair/FrankaReach-v0`: bring the flange to where it is in a goal picture."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from armchair.envs.robot import Robot
from armchair.envs.spaces import action_space, checked_action, observation_space
from armchair.errors import ArmchairError
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
ARRIVED_M = 0.005
"""The expert's goal and start must be reached this closely, else the reset is rejected."""
MAX_REJECTIONS = 20


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
        """Make a new scene, start and goal; `info["rejected_resets"]` counts failed attempts."""
        super().reset(seed=seed)
        options = options or {}
        rng = self.np_random
        if "role" in options or "episode" in options:
            sequence = episode_seed(
                options.get("role", "validation"), options.get("seed", 0), options.get("episode", 0)
            )
            rng = np.random.default_rng(sequence)
        level = options.get("level", self.level)
        for rejected in range(MAX_REJECTIONS):
            if self._try_scene(level, rng):
                self._step = 0
                self._show()
                return self._observe(), {"rejected_resets": rejected}
        raise ArmchairError(f"no reachable goal in {MAX_REJECTIONS} scenes of level {level!r}")

    def step(self, action: Array) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Move by `action` and wait until the arm has settled or 1.2 s have passed."""
        self.robot.move(checked_action(action, self._actions))
        self._step += 1
        self._show()
        distance = float(np.linalg.norm(self.robot.state()[:3] - self.goal_state()[:3]))
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

    def _try_scene(self, level: str, rng: np.random.Generator) -> bool:
        robot = self.robot
        robot.new_scene(level, rng)
        start = NOMINAL_START_M + rng.uniform(-START_RANGE_M, START_RANGE_M, 3)
        goal = _sample_goal(start, rng)
        if robot.drive_to(goal) > ARRIVED_M:
            return False
        self._goal_frame, self._goal_state = robot.frame(), robot.state()
        return robot.drive_to(start) <= ARRIVED_M

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
    while True:
        goal = rng.uniform(GOAL_LOW_M, GOAL_HIGH_M)
        if GOAL_DISTANCE_M[0] <= np.linalg.norm(goal - start) <= GOAL_DISTANCE_M[1]:
            return np.asarray(goal)

"""What every task shares: seeds, steps, pictures and the goal that only the evaluator may read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from armchair.envs.robot import Robot
from armchair.envs.spaces import action_space, checked_action, observation_space
from armchair.errors import ArmchairError, BadValueError, UnknownNameError
from armchair.poses import check_states
from armchair.seeds import episode_seed

Array = NDArray[np.float64]
Frame = NDArray[np.uint8]
Observation = dict[str, Any]
RobotT = TypeVar("RobotT", bound=Robot)

MAX_REJECTIONS = 20
OPEN = 0.05
"""An open hand is less closed than this; Franka's width in metres is 0.08, the Robotiq's 0.085."""
COME_TO_REST_S = 1.0
"""Before a picture is taken or an episode starts: the arm comes from the goal, and the last
millimetres of that motion at the start would tell where the goal is."""
EPISODE_OPTIONS = ("role", "seed", "episode")
"""Options of `reset` that, given one of them, decide scene, start and goal."""


@dataclass(frozen=True, kw_only=True)
class Goal:
    """Moments that the expert really reached, one per sub-goal, the last one being the goal.

    frames: uint8 (height, width, 3); states: flange and gripper (7,); object_pose: at the end,
    position and quaternion w x y z (7,), for tasks with an object. All in the base frame.
    """

    frames: tuple[Frame, ...]
    states: tuple[Array, ...]
    object_pose: Array | None = None


class ArmTask(gym.Env[Observation, Array], gym.utils.EzPickle, ABC, Generic[RobotT]):
    """The common part of all tasks; a task says how its scene and goal are made."""

    metadata: dict[str, Any] = {"render_modes": ["rgb_array", "human"], "render_fps": 15}  # noqa: RUF012
    steps: ClassVar[int]
    """Benchmark v1: actions per episode."""
    switch_steps: ClassVar[tuple[int, ...]] = ()
    """Sub-goal i + 1 is in force from this step on."""

    def __init__(self, render_mode: str | None, level: str, robot: RobotT | None) -> None:
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ArmchairError(
                f"render_mode {render_mode!r} is unknown; choose 'rgb_array', 'human' or None."
            )
        self.render_mode, self.level = render_mode, level
        self._actions = action_space()
        self.action_space: gym.Space[Any] = self._actions
        self.observation_space = observation_space()
        self._given_robot = robot
        self._robot: RobotT | None = None
        self._goal: Goal | None = None
        self._step = 0
        self._missed_m = 0.0

    @property
    def robot(self) -> RobotT:
        """The arm, made on first use in the process that steps it."""
        if self._robot is None:
            if self._given_robot is None:
                self._given_robot = self._make_robot()
            self._robot = self._given_robot
        return self._robot

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Make a new scene, start and goal; `info["rejected_resets"]` counts failed attempts.

        Raises `UnknownNameError` for another option, level or role, `BadValueError` for a robot
        whose state is in other units, `ArmchairError` where the expert gets nowhere.
        """
        super().reset(seed=seed)
        options = options or {}
        rng, level = self._generator(options), options.get("level", self.level)
        for rejected in range(MAX_REJECTIONS):
            goal = self._try_scene(level, rng)
            if goal is not None:
                self._goal, self._step = goal, 0
                self._show()
                return self._observe(), {"rejected_resets": rejected}
        raise ArmchairError(
            f"no reachable goal in {MAX_REJECTIONS} scenes of level {level!r}; the arm last came "
            f"to rest {1e3 * self._missed_m:.1f} mm from where it was driven."
        )

    def step(self, action: Array) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Move by `action` and wait until the arm has settled or 1.2 s have passed."""
        self._require_goal()
        self._move(checked_action(action, self._actions))
        self._step += 1
        self._show()
        return self._observe(), -self._distance(), False, self._step >= self.steps, {}

    def goal_state(self) -> Array:
        """Return the state (7,) at which the goal picture was taken; for the evaluator only."""
        return self._require_goal().states[-1].copy()

    def goal_states(self) -> Array:
        """Return the states (goals, 7) of all sub-goals and of the goal; for diagnosis only."""
        return np.stack(self._require_goal().states)

    def goal_frames(self) -> NDArray[np.uint8]:
        """Return the pictures of all sub-goals and of the goal, (goals, 256, 256, 3)."""
        return np.stack(self._require_goal().frames)

    def flange_state(self) -> Array:
        """Return the present state (7,), read from the simulator."""
        return self.robot.state()

    def hold(self, seconds: float) -> None:
        """Keep pose and gripper command for a time in seconds."""
        self.robot.hold(seconds)

    @abstractmethod
    def expert_move(self) -> float:
        """Carry the task out as the free expert; returns the distance left in metres."""

    def render(self) -> NDArray[np.uint8] | None:
        """Return the present picture (256, 256, 3) for "rgb_array"; a window shows itself."""
        return self.robot.frame() if self.render_mode == "rgb_array" else None

    def close(self) -> None:
        """Free the arm's windows and GL contexts."""
        if self._robot is not None:
            self._robot.close()
            self._robot = None

    @abstractmethod
    def _make_robot(self) -> RobotT:
        """Return the simulated arm that this task needs."""

    @abstractmethod
    def _try_scene(self, level: str, rng: np.random.Generator) -> Goal | None:
        """Make scene, goal and start; None rejects them: the expert did not get there."""

    @abstractmethod
    def _distance(self) -> float:
        """Return the present distance to the goal in metres."""

    def _move(self, action: Array) -> None:
        self.robot.move(action)

    def _new_scene(self, level: str, rng: np.random.Generator) -> None:
        """Make a fresh scene; raises `BadValueError` unless the state says an open hand by 0."""
        self.robot.new_scene(level, rng)
        closed = check_states(self.robot.state(), "the robot")[6]
        if closed > OPEN:
            raise BadValueError(
                f"the robot: gripper is {closed:.4g} with the hand open, expected 0 (open) … 1 "
                "(closed); a width in metres is 1 - width / max_width."
            )

    def _arrives(self, position: Array, tolerance_m: float) -> bool:
        """Drive to a flange position (3,), come to rest, and return whether it was reached."""
        self.robot.drive_to(position)
        self.robot.hold(COME_TO_REST_S)
        self._missed_m = float(np.linalg.norm(self.robot.state()[:3] - position))
        return self._missed_m <= tolerance_m

    def _require_goal(self) -> Goal:
        if self._goal is None:
            raise ArmchairError("the environment has no goal yet; call reset() first")
        return self._goal

    def _generator(self, options: dict[str, Any]) -> np.random.Generator:
        """Return the generator that decides the scene: Gymnasium's, or a benchmark episode's."""
        for name in options:
            if name not in ("level", *EPISODE_OPTIONS):
                raise UnknownNameError("reset option", str(name), ("level", *EPISODE_OPTIONS))
        if not set(options) & set(EPISODE_OPTIONS):
            return self.np_random
        role, seed = options.get("role", "validation"), options.get("seed", 0)
        return np.random.default_rng(episode_seed(role, seed, options.get("episode", 0)))

    def _observe(self) -> Observation:
        frames = self._require_goal().frames
        in_force = sum(self._step >= switch for switch in self.switch_steps)
        return {
            "frame": self.robot.frame(),
            "state": check_states(self.robot.state(), "the robot"),
            "goal_frame": frames[in_force].copy(),
        }

    def _show(self) -> None:
        if self.render_mode == "human":
            self.robot.show()

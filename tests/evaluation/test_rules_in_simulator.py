"""The success rules on real physics: met by the experts, and each clause failed by doing wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import mujoco
import numpy as np
import pytest

from armchair.envs.grasp import FrankaGraspEnv
from armchair.envs.pick_place import FrankaPickPlaceEnv
from armchair.envs.reach_with_object import FrankaReachWithObjectEnv
from armchair.evaluation.contestants import Contestant
from armchair.evaluation.episode import Scene, play
from armchair.evaluation.tasks import TASKS
from armchair.evaluation.verdicts import (
    Verdict,
    judge_grasp,
    judge_pick_place,
    judge_reach_with_object,
)
from armchair.planners import ActionBounds
from armchair.sim.object_robot import SimObjectRobot

OPEN, CLOSE = np.array([0.0] * 6 + [-1.0]), np.array([0.0] * 6 + [1.0])
EPISODE = {"role": "validation", "seed": 0, "episode": 0}


class Robot(SimObjectRobot):
    """Draws nothing; its object can be put and pushed about by hand."""

    def frame(self, camera: str = "left") -> np.ndarray:
        return np.zeros((256, 256, 3), np.uint8)

    def shift(self, metres: list[float]) -> None:
        """Carry the object through the air by (3,)."""
        self._joint()[:3] += metres
        mujoco.mj_forward(self.model, self.data)

    def tip(self, degrees: float) -> None:
        """Lay the object over to one side, resting on the table."""
        half = np.deg2rad(degrees) / 2
        self._joint()[3:7] = [np.cos(half), 0.0, np.sin(half), 0.0]
        mujoco.mj_forward(self.model, self.data)
        self.shift([0, 0, -self.object_height()])

    def push(self, metres_per_second: float) -> None:
        """Set the object sliding along y."""
        self.data.qvel[int(self.model.joint("box_joint0").dofadr[0]) + 1] = metres_per_second

    def _joint(self) -> np.ndarray:
        address = int(self.model.joint("box_joint0").qposadr[0])
        view: np.ndarray = self.data.qpos[address : address + 7]
        return view


@pytest.fixture(scope="module")
def robot() -> Iterator[Robot]:
    robot = Robot("box")
    yield robot
    robot.close()


def failed(verdict: Verdict) -> set[str]:
    assert verdict.success == all(verdict.clauses.values())
    return {name for name, met in verdict.clauses.items() if not met}


def without_friction(robot: Robot) -> Callable[[], None]:
    """Make everything slippery; return what undoes it."""
    model, before = robot.model, robot.model.geom_friction.copy()
    model.geom_friction[:] = 1e-5

    def undo() -> None:
        model.geom_friction[:] = before

    return undo


def test_grasp(robot: Robot) -> None:
    env = FrankaGraspEnv(robot=robot)
    env.reset(options=EPISODE)
    start = robot.snapshot()
    assert failed(judge_grasp(env)) == {"rose", "held"}, "the hand hovers, open"
    robot.restore(start)
    env.expert_move()
    closed = robot.snapshot()
    assert failed(judge_grasp(env)) == set()

    robot.restore(closed)
    robot.move(OPEN)
    assert failed(judge_grasp(env)) == {"rose", "held"}, "let go"

    robot.restore(closed)
    undo = without_friction(robot)
    assert failed(judge_grasp(env)) == {"rose", "held"}, "slips out of the fingers"
    undo()

    robot.restore(closed)
    robot.move(OPEN)
    robot.move(np.array([0, 0.07, 0, 0, 0, 0, 0]))
    robot.move(CLOSE)
    assert failed(judge_grasp(env)) == {"rose", "held"}, "closed beside the object"


def test_reach_with_object(robot: Robot) -> None:
    env = FrankaReachWithObjectEnv(robot=robot)
    env.reset(options=EPISODE)
    start = robot.snapshot()
    assert failed(judge_reach_with_object(env)) == {"at_goal"}, "never left"
    robot.restore(start)
    env.expert_move()
    there = robot.snapshot()
    verdict = judge_reach_with_object(env)
    assert failed(verdict) == set()
    assert verdict.final_distance_m < 0.02

    robot.restore(there)
    robot.move(OPEN)
    assert failed(judge_reach_with_object(env)) == {"held", "at_goal"}, "dropped at the goal"


def test_pick_place(robot: Robot) -> None:
    env = FrankaPickPlaceEnv(robot=robot)
    env.reset(options=EPISODE)
    spot = env.goal_object_pose()
    away = [*(spot - robot.object_pose())[:2], 0.0]
    start = robot.snapshot()
    assert failed(judge_pick_place(env)) == {"grasped", "carried", "at_goal"}, "nothing was done"
    robot.restore(start)
    robot.shift(away)
    assert failed(judge_pick_place(env)) == {"grasped", "carried"}, "somebody else put it there"

    robot.restore(start)
    env.expert_move()
    done = robot.snapshot()
    assert failed(judge_pick_place(env)) == set()
    inwards = -np.sign(spot[1]) or 1.0
    for metres, clauses in ((0.04, set()), (0.06, {"at_goal"})):
        robot.restore(done)
        robot.shift([0, inwards * metres, 0])
        assert failed(judge_pick_place(env)) == clauses, metres
    robot.restore(done)
    robot.tip(90)
    assert failed(judge_pick_place(env)) == {"upright"}
    robot.restore(done)
    undo = without_friction(robot)
    robot.push(0.03)
    assert failed(judge_pick_place(env)) == {"at_rest"}
    undo()


def test_pick_place_with_the_object_left_in_hand_or_only_dragged(robot: Robot) -> None:
    env = FrankaPickPlaceEnv(robot=robot)
    env.reset(options=EPISODE)
    spot = env.goal_object_pose()[:2]
    robot.expert_grasp(env._watch)
    grasped = robot.snapshot()
    robot.expert_carry(env._above(spot), env._watch)
    assert env.was_carried()
    robot.drive_to(robot.state()[:3] - [0, 0, robot.object_height()], robot.command_gripper)
    assert failed(judge_pick_place(env)) == {"released"}

    robot.restore(grasped)
    env._carried = False
    for _ in range(8):
        way = [*(spot - robot.object_pose()[:2]), 0.015 - robot.object_height()]
        env.step(np.array([*np.clip(way, -0.03, 0.03), 0, 0, 0, 0]))
    env.step(np.array([0, 0, -robot.object_height(), 0, 0, 0, 0]))
    env.step(OPEN)
    env.step(np.array([0, 0, 0.075, 0, 0, 0, 0]))
    assert failed(judge_pick_place(env)) == {"carried"}, "never 3 cm off the table"


@pytest.mark.parametrize(
    ("height", "held", "carried"), [(0.029, True, False), (0.031, True, True), (0.05, False, False)]
)
def test_carried_is_3_cm_off_the_table_between_both_pads(
    height: float, held: bool, carried: bool, robot: Robot, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = FrankaPickPlaceEnv(robot=robot)
    env.reset(options=EPISODE)
    monkeypatch.setattr(robot, "held", lambda: held)
    monkeypatch.setattr(robot, "object_height", lambda: height)
    env._watch()
    assert (env.was_grasped(), env.was_carried()) == (held, carried)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in TASKS if name != "reach"])
def test_constrained_expert_within_the_steps_of_the_benchmark(name: str) -> None:
    env = TASKS[name].make_env()
    expert = Contestant(name="expert", constrained_expert=ActionBounds())
    for episode in range(4):
        scene = Scene(role="validation", seed=5, episode=episode, level="light")
        trace = play(env, TASKS[name], scene, expert)
        assert trace.verdict.success, (episode, trace.verdict)
        actions = np.stack([decision.action for decision in trace.decisions])
        assert len(actions) == TASKS[name].steps
        assert np.abs(actions[:, :3]).max() <= 0.075 + 1e-9
        assert not actions[:, 3:6].any()
        assert np.abs(actions[:, 6]).max() <= 0.75
    env.close()

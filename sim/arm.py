"""The simulated Franka: physics, operational-space control, state, pictures.

Fits the `Robot` protocol of `armchair.envs.robot` without importing it. One row = 1/15 s = 40
physics steps. All poses are in the robot's base frame, metres and radians.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray
from robosuite.controllers.parts.arm.osc import OperationalSpaceController
from robosuite.utils.binding_utils import MjSim
from scipy.spatial.transform import Rotation

from armchair import poses
from armchair.episode import STEP_LIMITS
from armchair.sim.gripper import DEADBAND, next_command
from armchair.sim.hands import hand_of
from armchair.sim.pictures import Painter
from armchair.sim.scene import FLANGE_SITE, SUBSTEPS_PER_ROW, SceneConfig, compile_scene

Array = NDArray[np.float64]

RESET_JOINTS = np.array([0, -np.pi / 5, 0, -4 * np.pi / 5, 0, 3 * np.pi / 5, 0])
"""DROID's reset pose: flange at (0.360, 0, 0.490) m, roll pi."""
DOWN = poses.euler_to_matrix([np.pi, 0.0, 0.0])
ROW_S = SUBSTEPS_PER_ROW / 600
CONTROL_EVERY = 4
"""Physics steps per controller call: 150 Hz, far above the controller's 2 Hz bandwidth."""
STIFFNESS = 150.0
"""robosuite's default operational-space stiffness, critically damped: settles in about 0.4 s."""
SETTLED_M, SETTLED_M_PER_S = 0.005, 0.02
SETTLED_STROKES_PER_S = 0.05
"""A move with a gripper change also waits for the fingers: they close after the flange rests."""
MAX_MOVE_ROWS = 18
"""A blocking move ends when settled, or after 1.2 s."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Everything that a later `restore` needs: physics, command and controller goal."""

    physics: Array
    command_position: Array
    command_rotation: Array
    command_gripper: float


class SimArm:
    """A Franka in MuJoCo. `model` may be changed at run time (colours, camera), see `randomise`."""

    def __init__(self, config: SceneConfig | None = None) -> None:
        self.config = config or SceneConfig()
        self.nominal = compile_scene(self.config)
        self.model = copy.copy(self.nominal)
        self._painter: Painter | None = None
        self._joints = [self.model.joint(f"robot0_joint{i}") for i in range(1, 8)]
        self.joint_qpos = np.array([int(j.qposadr[0]) for j in self._joints])
        self.joint_dofs = np.array([int(j.dofadr[0]) for j in self._joints])
        self.hand = hand_of(self.model)
        self._grips = np.array([self.model.actuator(name).id for name in self.hand.actuators])
        self._motors = np.array([self.model.actuator(f"robot0_torq_j{i}").id for i in range(1, 8)])
        self._flange = self.model.site(FLANGE_SITE).id
        self._sim = MjSim(self.model)
        self.data = self._sim.data._data
        self._controller: OperationalSpaceController | None = None
        self.reset()

    def reset(self) -> None:
        """Put the arm into DROID's reset pose, gripper open, at rest."""
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[self.joint_qpos] = RESET_JOINTS
        self.hand.open(self.model, self.data)
        mujoco.mj_forward(self.model, self.data)
        self._controller = self._make_controller()
        self.command_position = self.flange_position.copy()
        self.command_rotation = DOWN.copy()
        self.command_gripper = 0.0

    @property
    def flange_position(self) -> Array:
        """Flange position (3,) in metres."""
        return np.array(self.data.site_xpos[self._flange])

    @property
    def flange_rotation(self) -> Array:
        """Flange rotation (3, 3)."""
        return np.array(self.data.site_xmat[self._flange]).reshape(3, 3)

    @property
    def flange_speed(self) -> float:
        """Flange speed in m/s."""
        velocity = np.zeros(6)
        mujoco.mj_objectVelocity(
            self.model, self.data, mujoco.mjtObj.mjOBJ_SITE, self._flange, velocity, 0
        )
        return float(np.linalg.norm(velocity[3:]))

    def state(self) -> Array:
        """Return the measured state (7,): metres, radians in (-pi, pi], closedness."""
        euler = poses.matrix_to_euler(self.flange_rotation)
        closed = self.hand.closedness(self.model, self.data)
        return np.concatenate([self.flange_position, euler, [closed]])

    def command(self) -> Array:
        """Return the commanded state (7,)."""
        euler = poses.matrix_to_euler(self.command_rotation)
        return np.concatenate([self.command_position, euler, [self.command_gripper]])

    def joint_command(self) -> Array:
        """Return the joint positions (7,), radians, that the commanded pose asks for.

        The controller works in operational space and commands torques; these are one step of
        differential inverse kinematics from the measured joints, at most 0.2 rad for any of them,
        as DROID's actions are.
        """
        jacobian = np.zeros((6, self.model.nv))
        mujoco.mj_jacSite(self.model, self.data, jacobian[:3], jacobian[3:], self._flange)
        turn = Rotation.from_matrix(self.command_rotation @ self.flange_rotation.T).as_rotvec()
        error = np.concatenate([self.command_position - self.flange_position, turn])
        change = np.linalg.pinv(jacobian[:, self.joint_dofs]) @ error
        change /= max(1.0, np.abs(change).max() / STEP_LIMITS["joint_rad"])
        return np.asarray(self.data.qpos[self.joint_qpos] + change)

    def frame(self, camera: str = "left") -> NDArray[np.uint8]:
        """Return a picture, uint8 (256, 256, 3); the GL context is made on the first call."""
        if self._painter is None:
            self._painter = Painter(self.model)
        return self._painter.draw(self.data, camera)

    def set_target(self, action: Array) -> None:
        """Command a change of state (7,): position from the measured pose, orientation from the
        last *commanded* one, gripper by the rule of `armchair.sim.gripper`.
        """
        self.command_position = self.flange_position + action[:3]
        self.command_rotation = poses.euler_to_matrix(action[3:6]) @ self.command_rotation
        measured = self.hand.closedness(self.model, self.data)
        self.command_gripper = next_command(self.command_gripper, measured, float(action[6]))

    def row(self) -> None:
        """Advance 1/15 s towards the commanded pose."""
        assert self._controller is not None
        rotvec = Rotation.from_matrix(self.command_rotation).as_rotvec()
        self._controller.set_goal(np.concatenate([self.command_position, rotvec]))
        self.data.ctrl[self._grips] = self.hand.control(self.command_gripper)
        for _ in range(SUBSTEPS_PER_ROW // CONTROL_EVERY):
            torques = self._controller.run_controller()
            self.data.ctrl[self._motors] = self._controller.clip_torques(torques)
            mujoco.mj_step(self.model, self.data, CONTROL_EVERY)
        mujoco.mj_forward(self.model, self.data)

    def move(self, action: Array, on_row: Callable[[], None] | None = None) -> int:
        """Blocking move by a change of state (7,); returns the rows it took (at most 18)."""
        self.set_target(action)
        for rows in range(1, MAX_MOVE_ROWS + 1):
            self.row()
            if on_row is not None:
                on_row()
            if self.settled(fingers=abs(action[6]) >= DEADBAND):
                return rows
        return MAX_MOVE_ROWS

    def settled(
        self,
        metres: float = SETTLED_M,
        metres_per_second: float = SETTLED_M_PER_S,
        fingers: bool = False,
    ) -> bool:
        """Return whether the flange is at its commanded position and at rest.

        With `fingers`, also whether the hand has stopped closing or opening.
        """
        if fingers and self.hand.speed(self.model, self.data) > SETTLED_STROKES_PER_S:
            return False
        error = np.linalg.norm(self.command_position - self.flange_position)
        return bool(error < metres and self.flange_speed < metres_per_second)

    def hold(self, seconds: float) -> None:
        """Keep pose and gripper command for a time in seconds."""
        for _ in range(round(seconds / ROW_S)):
            self.row()

    def drive_to(self, position: Array, closed: float = 0.0) -> float:
        """Blocking absolute move to a flange position (3,); returns the remaining error in metres.

        For resets and experts, not for planners.
        """
        self.command_position, self.command_gripper = np.array(position), closed
        for _ in range(3 * MAX_MOVE_ROWS):
            self.row()
            if self.settled(SETTLED_M / 2, SETTLED_M_PER_S / 2):
                break
        return float(np.linalg.norm(self.command_position - self.flange_position))

    def snapshot(self) -> Snapshot:
        """Return the full state of physics and control."""
        spec = mujoco.mjtState.mjSTATE_INTEGRATION
        physics = np.zeros(mujoco.mj_stateSize(self.model, spec))
        mujoco.mj_getState(self.model, self.data, physics, spec)
        return Snapshot(
            physics=physics,
            command_position=self.command_position.copy(),
            command_rotation=self.command_rotation.copy(),
            command_gripper=self.command_gripper,
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Return to a snapshot of the same arm, exactly."""
        spec = mujoco.mjtState.mjSTATE_INTEGRATION
        mujoco.mj_setState(self.model, self.data, snapshot.physics, spec)
        mujoco.mj_forward(self.model, self.data)
        self.command_position = snapshot.command_position.copy()
        self.command_rotation = snapshot.command_rotation.copy()
        self.command_gripper = snapshot.command_gripper

    def close(self) -> None:
        """Free the GL context."""
        if self._painter is not None:
            self._painter.close()
            self._painter = None

    def _make_controller(self) -> OperationalSpaceController:
        limits = self.model.actuator_ctrlrange[self._motors].T
        indexes = {
            "joints": [int(j.id) for j in self._joints],
            "qpos": self.joint_qpos.tolist(),
            "qvel": self.joint_dofs.tolist(),
        }
        return OperationalSpaceController(
            self._sim,
            FLANGE_SITE,
            indexes,
            (limits[0], limits[1]),
            kp=STIFFNESS,
            damping_ratio=1,
            input_type="absolute",
            input_ref_frame="world",
            part_name="right",
            naming_prefix="robot0_",
        )

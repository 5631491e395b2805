"""Writes down what the arm does, row by row, as DROID does: state, then picture, then command."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from armchair.episode import (
    CameraLog,
    CommandLog,
    RecordedEpisode,
    RobotLog,
    Role,
    Simulation,
)
from armchair.episode_names import FINGER_CONTACTS, HELD, OBJECT_POSE
from armchair.sim.arm import SimArm
from armchair.sim.cameras import (
    LEFT_SERIAL,
    RIGHT_SERIAL,
    WRIST_SERIAL,
    extrinsics,
    intrinsics,
)
from armchair.sim.contacts import finger_contacts, held, object_pose
from armchair.sim.pictures import FRAME_SIZE
from armchair.sim.randomise import LEVELS, Level
from armchair.sim.scene import LEFT_CAMERA, RIGHT_CAMERA, WRIST_CAMERA

Array = NDArray[np.float64]

CAMERAS: dict[str, tuple[str, Role, int]] = {
    LEFT_SERIAL: (LEFT_CAMERA, "ext1", 1),
    RIGHT_SERIAL: (RIGHT_CAMERA, "ext2", 1),
    WRIST_SERIAL: (WRIST_CAMERA, "wrist", 0),
}
"""Serial to MuJoCo camera, DROID role and DROID camera type."""


class Recorder:
    """Collects rows of one episode; `rendered` names the MuJoCo cameras that are drawn.

    `level` is what the scene was dressed by, for behaviours that go on to vary it.
    """

    def __init__(
        self,
        arm: SimArm,
        rendered: tuple[str, ...] = (LEFT_CAMERA,),
        level: Level = LEVELS["none"],
    ) -> None:
        self.arm, self.rendered, self.level = arm, rendered, level
        self._rows: list[dict[str, NDArray[Any]]] = []
        self._frames: dict[str, list[NDArray[np.uint8]]] = {name: [] for name in rendered}
        self.step_starts: list[int] = []

    def __len__(self) -> int:
        return len(self._rows)

    def row(self, *, advance: bool = True) -> None:
        """Record the present state, picture and command as one row, then advance 1/15 s, or not."""
        arm = self.arm
        touch = finger_contacts(arm.model, arm.data)
        torques = arm.data.qfrc_actuator[arm.joint_dofs]
        self._rows.append(
            {
                "state": arm.state(),
                "command": arm.command(),
                "joint_command": arm.joint_command(),
                "joints": arm.data.qpos[arm.joint_qpos].copy(),
                "velocities": arm.data.qvel[arm.joint_dofs].copy(),
                "torques": torques.copy(),
                "object": object_pose(arm.model, arm.data),
                "touch": np.array([touch.left, touch.right, held(arm.model, arm.data)]),
                **{serial: self._camera_pose(name) for serial, (name, _, _) in CAMERAS.items()},
            }
        )
        for name in self.rendered:
            self._frames[name].append(arm.frame(name))
        if advance:
            arm.row()

    def repeat(self, rows: int) -> None:
        """Record the last row so many times again, its pictures too."""
        self._rows += self._rows[-1:] * rows
        for frames in self._frames.values():
            frames += frames[-1:] * rows

    def episode(
        self, index: int, task: str, *, success: bool, simulation: Simulation
    ) -> RecordedEpisode:
        """Return the whole episode, ready for the writer."""
        column = {key: np.stack([row[key] for row in self._rows]) for key in self._rows[0]}
        state, command = column["state"], column["command"]
        return RecordedEpisode(
            index=index,
            success=success,
            task=task,
            scene_id=index,
            robot=RobotLog(
                cartesian_position=state[:, :6],
                gripper_position=state[:, 6],
                joint_positions=column["joints"],
                joint_velocities=column["velocities"],
                joint_torques_computed=column["torques"],
                motor_torques_measured=column["torques"],
            ),
            command=CommandLog(
                cartesian_position=command[:, :6],
                gripper_position=command[:, 6],
                joint_position=column["joint_command"],
            ),
            cameras=tuple(self._camera_log(serial, column[serial]) for serial in sorted(CAMERAS)),
            simulation={
                OBJECT_POSE: column["object"],
                FINGER_CONTACTS: column["touch"][:, :2],
                HELD: column["touch"][:, 2],
                "step_starts": np.array(self.step_starts, dtype=np.int64),
                **simulation,
            },
        )

    def _camera_pose(self, name: str) -> Array:
        camera = self.arm.data.camera(name)
        return extrinsics(camera.xpos, camera.xmat.reshape(3, 3))

    def _camera_log(self, serial: str, poses: Array) -> CameraLog:
        name, role, camera_type = CAMERAS[serial]
        model: mujoco.MjModel = self.arm.model
        fovy = float(model.cam_fovy[model.camera(name).id])
        frames = np.stack(self._frames[name]) if name in self.rendered else None
        return CameraLog(
            serial=serial,
            role=role,
            camera_type=camera_type,
            extrinsics=poses,
            intrinsics=intrinsics(fovy, FRAME_SIZE, FRAME_SIZE),
            frames=frames,
        )

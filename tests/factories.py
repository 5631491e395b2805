"""Synthetic episodes without a simulator: a smooth arm path and small smooth pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from armchair.episode import CameraLog, CommandLog, Floats, RecordedEpisode, RobotLog
from armchair.poses import euler_to_matrix, matrix_to_euler

SERIALS = {"ext1": "20000001", "ext2": "20000002", "wrist": "10000003"}
LEFT_ROLE = "ext2"
RESET_POSE = np.array([0.36, 0.0, 0.49, np.pi, 0.0, 0.0])


def smooth_frames(rows: int, size: int = 64, seed: int = 0) -> NDArray[np.uint8]:
    """Return pictures (rows, size, size, 3): a colour gradient with a bright disc that moves."""
    y, x = np.mgrid[:size, :size] / (size - 1)
    phase = np.random.default_rng(seed).uniform(0, 1)
    background = np.stack([x, y, 0.5 + 0.5 * np.sin(3 * (x + phase))], axis=-1) * 200
    frames = np.repeat(background[None], rows, axis=0)
    for row in range(rows):
        centre = 0.5 + 0.3 * np.array([np.cos(0.2 * row), np.sin(0.2 * row)])
        disc = np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / 0.02)[..., None]
        frames[row] += disc * (np.array([250.0, 120.0, 20.0]) - frames[row])
    return frames.round().astype(np.uint8)


def robot_log(rows: int, seed: int = 0) -> RobotLog:
    """Return a smooth path around DROID's reset pose, with roll on both sides of ±pi."""
    time = np.arange(rows) / 15
    phases = np.random.default_rng(seed).uniform(0, 2 * np.pi, 13)
    sway = np.sin(time[:, None] + phases[:6]) * [0.1, 0.1, 0.1, 0.05, 0.05, 0.05]
    pose = RESET_POSE + sway
    pose[:, 3:] = matrix_to_euler(euler_to_matrix(pose[:, 3:]))
    joints = np.sin(0.5 * time[:, None] + phases[6:]) * 0.5
    return RobotLog(
        cartesian_position=pose,
        gripper_position=np.clip(np.sin(time), 0.0, 1.0),
        joint_positions=joints,
        joint_velocities=np.gradient(joints, axis=0) * 15 if rows > 1 else np.zeros_like(joints),
        joint_torques_computed=joints * 10,
        motor_torques_measured=joints * 10 + 0.1,
    )


def command_log(robot: RobotLog) -> CommandLog:
    """Return commands one centimetre and a bit of gripper ahead of the state."""
    ahead = robot.cartesian_position + np.array([0.01, 0.0, 0.0, 0.0, 0.0, 0.0])
    return CommandLog(
        cartesian_position=ahead,
        gripper_position=np.clip(robot.gripper_position + 0.05, 0.0, 1.0),
        joint_position=robot.joint_positions + 0.01,
    )


def camera_log(role: Any, extrinsics: Floats, frames: NDArray[np.uint8] | None) -> CameraLog:
    """Return a camera of `role` with a serial that sorts accordingly."""
    return CameraLog(
        serial=SERIALS[role],
        role=role,
        camera_type=0 if role == "wrist" else 1,
        extrinsics=extrinsics,
        intrinsics=np.array([[60.0, 0.0, 32.0], [0.0, 60.0, 32.0], [0.0, 0.0, 1.0]]),
        frames=frames,
    )


def make_episode(
    index: int = 0, rows: int = 34, *, success: bool = True, size: int = 64, **changes: Any
) -> RecordedEpisode:
    """Return an episode whose left camera (ext2, larger y) alone is rendered.

    `changes` replace fields of `RecordedEpisode`.
    """
    robot = robot_log(rows, seed=index)
    poses = {"ext1": [0.5, -0.6, 0.4, -2.0, 0.0, 0.5], "ext2": [0.5, 0.6, 0.4, -2.0, 0.0, -2.5]}
    cameras = (
        camera_log("wrist", robot.cartesian_position, None),
        camera_log("ext1", np.tile(poses["ext1"], (rows, 1)), None),
        camera_log(LEFT_ROLE, np.tile(poses["ext2"], (rows, 1)), smooth_frames(rows, size, index)),
    )
    fields: dict[str, Any] = {
        "index": index,
        "success": success,
        "task": "move the gripper",
        "scene_id": 7,
        "robot": robot,
        "command": command_log(robot),
        "cameras": cameras,
        "simulation": {"seed": 3.0, "level": "light", "object_pose": np.zeros((rows, 7))},
    }
    return RecordedEpisode(**(fields | changes))

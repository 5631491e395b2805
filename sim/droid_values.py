"""What stands in each dataset, attribute and metadata field; part of the DROID writer."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from armchair.episode import (
    RIGHT_EYE_M,
    ROWS_PER_SECOND,
    STEP_LIMITS,
    CameraLog,
    Floats,
    RecordedEpisode,
)
from armchair.episode_names import LAB, MP4_FOLDER, SVO_FOLDER, TRAJECTORY, USER_ID, EpisodeName
from armchair.poses import difference, euler_to_matrix

Values = dict[str, NDArray[Any]]

USER = "armchair"
BUILDING = "simulation"
ROBOT_SERIAL = "panda-000000-0000000"
FORMAT_VERSION = "1.3"


def dataset_values(episode: RecordedEpisode) -> Values:
    """Return the array of every dataset by path, all of length T; see `armchair.episode_table`."""
    values: Values = {}
    for group in ("observation", "action"):  # the action is computed from the observed state
        values |= {f"{group}/robot_state/{k}": v for k, v in _robot_state(episode).items()}
    values |= {f"action/{k}": v for k, v in _action(episode).items()}
    values |= {f"observation/controller_info/{k}": v for k, v in _controller(episode).items()}
    values |= {f"observation/timestamp/{k}": v for k, v in _timestamps(episode).items()}
    for camera in episode.cameras:
        values |= {f"observation/{k}": v for k, v in _camera(camera, len(episode)).items()}
    return values


def _robot_state(episode: RecordedEpisode) -> Values:
    robot, rows = episode.robot, len(episode)
    torques = robot.joint_torques_computed
    previous = np.concatenate([torques[:1], torques[:-1]])
    return {
        "cartesian_position": robot.cartesian_position,
        "gripper_position": robot.gripper_position,
        "joint_positions": robot.joint_positions,
        "joint_velocities": robot.joint_velocities,
        "joint_torques_computed": torques,
        "prev_joint_torques_computed": previous,
        "prev_joint_torques_computed_safened": previous,
        "motor_torques_measured": robot.motor_torques_measured,
        "prev_controller_latency_ms": np.zeros(rows),
        "prev_command_successful": np.ones(rows, dtype=bool),
    }


def _action(episode: RecordedEpisode) -> Values:
    robot, command = episode.robot, episode.command
    wanted = np.column_stack([command.cartesian_position, command.gripper_position])
    change = difference(robot.states, wanted)
    joints = (command.joint_position - robot.joint_positions) / STEP_LIMITS["joint_rad"]
    return {
        "cartesian_velocity": np.concatenate(
            [
                _norm_clipped(change[:, :3] / STEP_LIMITS["position_m"]),
                _norm_clipped(change[:, 3:6] / STEP_LIMITS["rotation_rad"]),
            ],
            axis=1,
        ),
        "joint_velocity": joints / np.maximum(1.0, np.abs(joints).max(axis=1, keepdims=True)),
        "gripper_velocity": np.clip(change[:, 6] / STEP_LIMITS["gripper"], -1.0, 1.0),
        "cartesian_position": command.cartesian_position,
        "joint_position": command.joint_position,
        "gripper_position": command.gripper_position,
        "target_cartesian_position": command.cartesian_position,
        "target_gripper_position": command.gripper_position,
    }


def _norm_clipped(vectors: Floats) -> Floats:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(1.0, norms))


def _controller(episode: RecordedEpisode) -> Values:
    last = np.arange(len(episode)) == len(episode) - 1  # the verdict falls with the last row
    return {
        "success": last & episode.success,
        "failure": last & (not episode.success),
        "movement_enabled": np.ones(len(episode), dtype=bool),
        "controller_on": np.ones(len(episode), dtype=bool),
    }


def row_times_ms(episode: RecordedEpisode) -> NDArray[np.int64]:
    """Return the virtual time (T,) of each row in epoch ms."""
    rows = np.arange(len(episode), dtype=np.int64)
    return EpisodeName(episode.index).start_ms + rows * 1000 // ROWS_PER_SECOND


def _timestamps(episode: RecordedEpisode) -> Values:
    """Virtual times: within a row, state and images take no time, the row lasts 66 ms."""
    start = row_times_ms(episode)
    end = start + 1000 // ROWS_PER_SECOND
    cameras = {
        f"cameras/{serial}_{name}": start
        for serial in episode.serials
        for name in ("read_start", "read_end", "frame_received", "estimated_capture")
    }
    return cameras | {
        "robot_state/robot_timestamp_seconds": start // 1000,
        "robot_state/robot_timestamp_nanos": start % 1000 * 1_000_000,
        "robot_state/read_start": start,
        "robot_state/read_end": start,
        "control/step_start": start,
        "control/policy_start": start,
        "control/sleep_start": start,
        "control/control_start": start,
        "control/step_end": end,
        "skip_action": np.zeros(len(episode), dtype=bool),
    }


def _camera(camera: CameraLog, rows: int) -> Values:
    right = camera.extrinsics.copy()
    axis_x = euler_to_matrix(right[:, 3:6])[:, :, 0]
    right[:, :3] += RIGHT_EYE_M[camera.camera_type] * axis_x
    intrinsics = np.broadcast_to(camera.intrinsics, (rows, 3, 3))
    return {
        f"camera_type/{camera.serial}": np.full(rows, camera.camera_type),
        f"camera_extrinsics/{camera.serial}_left": camera.extrinsics,
        f"camera_extrinsics/{camera.serial}_right": right,
        f"camera_intrinsics/{camera.serial}_left": intrinsics,
        f"camera_intrinsics/{camera.serial}_right": intrinsics,
    }


def attribute_values(episode: RecordedEpisode) -> dict[str, Any]:
    """Return the attributes of the HDF5 root."""
    return {
        "user": USER,
        "building": BUILDING,
        "scene_id": episode.scene_id,
        "current_task": episode.task,
        "fixed_tasks": [episode.task],
        "new_tasks": [episode.task],
        "time": EpisodeName(episode.index).asctime,
        "robot_serial_number": ROBOT_SERIAL,
        "version_number": FORMAT_VERSION,
        "success": episode.success,
        "failure": not episode.success,
        "movement_enabled": True,
        "controller_on": True,
    }


def metadata_values(episode: RecordedEpisode) -> dict[str, Any]:
    """Return the fields of metadata_<uuid>.json; paths are relative to the lab folder."""
    name = EpisodeName(episode.index)
    folder = name.relative(episode.success)
    left, right = left_and_right(episode.cameras)
    return {
        "uuid": name.uuid,
        "lab": LAB,
        "user": USER,
        "user_id": USER_ID,
        "date": name.date,
        "timestamp": name.timestamp,
        "hdf5_path": str(folder / TRAJECTORY),
        "building": BUILDING,
        "scene_id": episode.scene_id,
        "success": episode.success,
        "robot_serial": ROBOT_SERIAL,
        "droid_version": FORMAT_VERSION,
        "r2d2_version": FORMAT_VERSION,
        "current_task": episode.task,
        "trajectory_length": len(episode),
        **{k: v for camera in episode.cameras for k, v in _camera_fields(camera, folder).items()},
        "left_mp4_path": _mp4_path(folder, left),
        "right_mp4_path": _mp4_path(folder, right),
    }


def left_and_right(cameras: tuple[CameraLog, ...]) -> tuple[CameraLog, CameraLog]:
    """Return the exterior cameras (left, right): left has the larger base-frame y at row 0."""
    outside = [camera for camera in cameras if camera.role != "wrist"]
    right, left = sorted(outside, key=lambda camera: float(camera.extrinsics[0, 1]))
    return left, right


def _mp4_path(folder: PurePosixPath, camera: CameraLog) -> str:
    return str(folder / MP4_FOLDER / f"{camera.serial}.mp4")


def _camera_fields(camera: CameraLog, folder: PurePosixPath) -> dict[str, Any]:
    return {
        f"{camera.role}_cam_serial": camera.serial,
        f"{camera.role}_cam_extrinsics": camera.extrinsics[0].tolist(),
        f"{camera.role}_svo_path": str(folder / SVO_FOLDER / f"{camera.serial}.svo"),
        f"{camera.role}_mp4_path": _mp4_path(folder, camera),
    }

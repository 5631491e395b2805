"""Torch port of `armchair.poses`: pose algebra on batches, differentiable, on any device.

Written without matrix products, which autocast would round to bfloat16.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

GIMBAL_LOCK = 1e-6
"""Cosine of pitch below which yaw is set to zero and roll carries the whole turn."""


def compose(states: Tensor, actions: Tensor) -> Tensor:
    """Return the states (..., 7) after actions (..., 7); metres and radians, base frame.

    Positions add, rotations compose as R(delta) @ R(state), the gripper adds and stays in [0, 1].
    """
    rotation = _product(euler_to_matrix(actions[..., 3:6]), euler_to_matrix(states[..., 3:6]))
    gripper = (states[..., 6:] + actions[..., 6:]).clamp(0.0, 1.0)
    position = states[..., :3] + actions[..., :3]
    return torch.cat([position, matrix_to_euler(rotation), gripper], dim=-1)


def difference(start: Tensor, end: Tensor) -> Tensor:
    """Return the actions (..., 7) that lead from one state to another; inverse of `compose`."""
    back = euler_to_matrix(start[..., 3:6]).transpose(-1, -2)
    rotation = _product(euler_to_matrix(end[..., 3:6]), back)
    change = end - start
    return torch.cat([change[..., :3], matrix_to_euler(rotation), change[..., 6:]], dim=-1)


def roll_to_sandbox(states: Tensor) -> Tensor:
    """Return states (..., 7) with roll mapped to [0, 2 pi), as sandbox models see it."""
    roll = torch.remainder(states[..., 3:4], 2 * math.pi)
    return torch.cat([states[..., :3], roll, states[..., 4:]], dim=-1)


def euler_to_matrix(euler: Tensor) -> Tensor:
    """Return rotation matrices (..., 3, 3) of extrinsic xyz Euler angles (..., 3) in radians."""
    cx, cy, cz = euler.cos().unbind(-1)
    sx, sy, sz = euler.sin().unbind(-1)
    rows = (
        (cy * cz, sx * sy * cz - cx * sz, cx * sy * cz + sx * sz),
        (cy * sz, sx * sy * sz + cx * cz, cx * sy * sz - sx * cz),
        (-sy, sx * cy, cx * cy),
    )
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


def matrix_to_euler(matrix: Tensor) -> Tensor:
    """Return extrinsic xyz Euler angles (..., 3) in radians, pitch within ±pi/2, others ±pi."""
    m = matrix
    cos_pitch = torch.hypot(m[..., 2, 1], m[..., 2, 2])
    locked = cos_pitch < GIMBAL_LOCK
    pitch = torch.atan2(-m[..., 2, 0], cos_pitch)
    roll = torch.where(
        locked,
        torch.atan2(-m[..., 1, 2], m[..., 1, 1]),
        torch.atan2(m[..., 2, 1], m[..., 2, 2]),
    )
    yaw = torch.atan2(m[..., 1, 0], m[..., 0, 0])
    return torch.stack([roll, pitch, torch.where(locked, torch.zeros_like(yaw), yaw)], dim=-1)


def _product(left: Tensor, right: Tensor) -> Tensor:
    return (left.unsqueeze(-1) * right.unsqueeze(-3)).sum(-2)

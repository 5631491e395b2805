"""Objective of the AC predictor: L1 with teacher forcing plus L1 of a short rollout (eqs. 2–4).

As in the reference implementation, both are means over all predicted tokens; eq. (3) of the paper
scores the last step of the rollout only.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from armchair.errors import BadValueError
from armchair.worldmodel.model import WorldModel

ROLLOUT_STEPS = 2
"""Of the paper; in simulation more steps hurt."""


class Losses(NamedTuple):
    """Scalars, in the units of the model's latents; train on their sum, eq. (4)."""

    teacher_forcing: Tensor
    rollout: Tensor

    @property
    def total(self) -> Tensor:
        """The two together."""
        return self.teacher_forcing + self.rollout


def ac_losses(
    model: WorldModel,
    latents: Tensor,
    states: Tensor,
    actions: Tensor,
    rollout_steps: int = ROLLOUT_STEPS,
    extrinsics: Tensor | None = None,
) -> Losses:
    """Return both losses of a batch of clips.

    latents (B, T + 1, N, D), states (B, T + 1, 7), actions (B, T, 7), metres and radians: action t
    leads from frame t to t + 1; camera extrinsics (B, T + 1, 6) where the predictor reads them. The
    rollout starts at frame 0, feeds the model its own latents and the *logged* states; its first
    step is the teacher-forced prediction. One step means no rollout loss. Raises `BadValueError` if
    the clip is shorter than the rollout.
    """
    steps = actions.shape[1]
    if not 1 <= rollout_steps <= steps or latents.shape[1] != steps + 1:
        raise BadValueError(
            f"{latents.shape[1]} frames with {steps} actions cannot be rolled out for "
            f"{rollout_steps} steps; give frames = actions + 1 > rollout steps >= 1."
        )
    cameras = None if extrinsics is None else extrinsics[:, :-1]
    forced, memory = model.extend(latents[:, :-1], states[:, :-1], actions, extrinsics=cameras)
    teacher_forcing = F.l1_loss(forced, latents[:, 1:])  # eq. (2)
    if rollout_steps == 1:
        return Losses(teacher_forcing, torch.zeros_like(teacher_forcing))
    imagined, past = [forced[:, :1]], memory.up_to(1)
    for step in range(1, rollout_steps):
        now = slice(step, step + 1)
        camera = None if cameras is None else cameras[:, now]
        following, past = model.extend(imagined[-1], states[:, now], actions[:, now], past, camera)
        imagined.append(following)
    rollout = F.l1_loss(torch.cat(imagined, dim=1), latents[:, 1 : rollout_steps + 1])  # eq. (3)
    return Losses(teacher_forcing, rollout)

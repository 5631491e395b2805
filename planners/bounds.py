"""Which actions a planner may propose: limits on translation, rotation and gripper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Generator, Tensor

from armchair.errors import BadValueError
from armchair.poses import ACTION_DIM

TRANSLATION_LIMIT_M = 0.075
"""Per axis and action; the paper's 13 cm per action is this times the square root of three."""
GRIPPER_LIMIT = 0.75
"""Largest change of closedness per action that Meta's planner proposes."""

NEAR_SHARE = 0.25
"""Share of a search's first candidates that stay near enough for the gripper to close."""

Shape = Literal["box", "l1-ball", "l2-ball"]


@dataclass(frozen=True, kw_only=True)
class ActionBounds:
    """Limits on one action: a box, or for the translation a true L1 or L2 ball.

    translation: metres per axis, or the radius of the ball; rotation: radians per axis, 0 = do not
    search; gripper: change of closedness. The paper says "L1 ball", its figures and code mean the
    box.

    grip_within: the gripper closes only in actions that move the hand by no more than this on every
    axis, metres; infinite = no such rule. A picture of a closed hand costs less energy with closed
    fingers wherever the hand is, so a planner of short sight closes them on the way and arrives
    with a fist; nobody closes the hand before it is there. release_within: likewise for opening,
    which would drop what is carried.
    """

    translation: float = TRANSLATION_LIMIT_M
    rotation: float = 0.0
    gripper: float = GRIPPER_LIMIT
    shape: Shape = "box"
    grip_within: float = float("inf")
    release_within: float = float("inf")

    def __post_init__(self) -> None:
        for name in ("translation", "rotation", "gripper"):
            if not 0.0 <= (value := getattr(self, name)) < float("inf"):
                raise BadValueError(f"bound on {name} is {value}, expected zero or more.")
        for name in ("grip_within", "release_within"):
            if not (value := getattr(self, name)) >= 0.0:
                raise BadValueError(f"bounds.{name} is {value}, expected metres, zero or more.")
        if self.shape not in get_args(Shape):
            legal = ", ".join(get_args(Shape))
            raise BadValueError(f"bound shape is {self.shape!r}, expected one of {legal}.")
        if self.translation == self.rotation == self.gripper == 0.0:
            raise BadValueError(
                "bounds of zero on translation, rotation and gripper exclude every action; widen "
                f"one, such as translation={TRANSLATION_LIMIT_M} (metres)."
            )

    def limits(self) -> Tensor:
        """Return the largest magnitude (7,) float64 of each action entry, metres and radians."""
        entries = [self.translation] * 3 + [self.rotation] * 3 + [self.gripper]
        return torch.tensor(entries, dtype=torch.float64)

    def clip(self, actions: Tensor) -> Tensor:
        """Return the nearest actions (..., 7) within bounds; where the hand moves too far for the
        gripper to close or open, it is the gripper that stays."""
        limits = self.limits().to(actions)
        clipped = torch.maximum(torch.minimum(actions, limits), -limits)
        if self.shape != "box":
            project = project_to_l1_ball if self.shape == "l1-ball" else project_to_l2_ball
            ball = project(actions[..., :3], self.translation)
            clipped = torch.cat([ball, clipped[..., 3:]], dim=-1)
        return self._fingers_wait(clipped)

    def contains(self, actions: Tensor, slack: float = 1e-6) -> bool:
        """Return whether all actions (..., 7) are within bounds, up to rounding."""
        return bool(((actions - self.clip(actions)).abs() <= slack).all())

    def sample(self, count: int, horizon: int, generator: Generator) -> Tensor:
        """Return actions (count, horizon, 7), uniform within bounds, on the generator's device.

        With `grip_within` a share of them is uniform within that: see `some_near`.
        """
        uniform = torch.rand(
            (count, horizon, ACTION_DIM), generator=generator, device=generator.device
        )
        actions = (2.0 * uniform - 1.0) * self.limits().to(uniform)
        if self.shape != "box":
            draw = _sample_l1_ball if self.shape == "l1-ball" else _sample_l2_ball
            ball = draw(count, horizon, generator) * self.translation
            actions = torch.cat([ball, actions[..., 3:]], dim=-1)
        return self._fingers_wait(self.some_near(actions))

    def some_near(self, actions: Tensor, span: float | None = None) -> Tensor:
        """Return candidates (candidates, horizon, 7) of which the first `near_count` are scaled so
        that what moved `span` metres moves by `grip_within`, where there is a rule for it.

        Of moves drawn over the whole box, hardly one in a hundred is so near that the gripper may
        close; of uniform ones so scaled all are, of normal ones those within a deviation or so.
        """
        span = span or self.translation
        count = self.near_count(len(actions), span)
        if not count:
            return actions
        near = actions.clone()
        near[:count, :, :3] *= self.grip_within / span
        return near

    def near_count(self, count: int, span: float) -> int:
        """Return how many of so many candidates that move up to `span` metres are kept near."""
        return 0 if self.grip_within >= span else int(NEAR_SHARE * count)

    def _fingers_wait(self, actions: Tensor) -> Tensor:
        if self.grip_within == self.release_within == float("inf"):
            return actions
        move, gripper = actions[..., :3].abs().amax(dim=-1, keepdim=True), actions[..., 6:]
        too_early = (gripper > 0) & (move > self.grip_within)
        too_early |= (gripper < 0) & (move > self.release_within)
        return torch.cat([actions[..., :6], gripper.masked_fill(too_early, 0.0)], dim=-1)


def project_to_l1_ball(vectors: Tensor, radius: float) -> Tensor:
    """Return the Euclidean projection of vectors (..., n) on the ball of summed magnitudes.

    Source: Duchi et al., "Efficient projections onto the l1-ball", 2008, figure 1.
    """
    magnitude = vectors.abs()
    descending = magnitude.sort(dim=-1, descending=True).values
    excess = descending.cumsum(dim=-1) - radius
    rank = torch.arange(1, vectors.shape[-1] + 1, device=vectors.device)
    count = (descending * rank > excess).sum(dim=-1, keepdim=True).clamp(min=1)
    threshold = (excess.gather(-1, count - 1) / count).clamp(min=0.0)
    return vectors.sign() * (magnitude - threshold).clamp(min=0.0)


def project_to_l2_ball(vectors: Tensor, radius: float) -> Tensor:
    """Return the Euclidean projection of vectors (..., n) on the ball of Euclidean length."""
    length = vectors.norm(dim=-1, keepdim=True)
    shrunk: Tensor = vectors * (radius / length.clamp(min=radius if radius > 0 else 1.0))
    return shrunk


def _sample_l1_ball(count: int, horizon: int, generator: Generator) -> Tensor:
    """Return points (count, horizon, 3) uniform in the ball: signed, normalised exponentials."""
    device = generator.device
    spacing = torch.empty((count, horizon, 4), device=device).exponential_(generator=generator)
    sign = torch.randint(0, 2, (count, horizon, 3), generator=generator, device=device) * 2 - 1
    return sign * spacing[..., :3] / spacing.sum(dim=-1, keepdim=True)


def _sample_l2_ball(count: int, horizon: int, generator: Generator) -> Tensor:
    """Return points (count, horizon, 3) uniform in the ball: directions times a cube root."""
    device = generator.device
    direction = torch.randn((count, horizon, 3), generator=generator, device=device)
    radius = torch.rand((count, horizon, 1), generator=generator, device=device) ** (1 / 3)
    points: Tensor = radius * direction / direction.norm(dim=-1, keepdim=True)
    return points

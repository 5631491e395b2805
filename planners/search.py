"""What a search is: a generator of one environment that asks for energies and returns a plan.

It yields an `Ask`, is sent an `Answer`, and returns what it `Found`; it never sees the model. Its
settings, which start it, are a `SearchConfig`; `armchair.planners.frame` answers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TypeAlias, TypedDict

import torch
from torch import Tensor

from armchair.errors import BadValueError, check_least
from armchair.planners.bounds import GRIPPER_LIMIT, ActionBounds
from armchair.planners.energy import MEMORY_MB, Objective


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What one plan may cost; zero is no limit.

    evaluations: candidates times horizon steps, at least those of one iteration; seconds: wall
    time, looked at between iterations (the first always runs); memory_mb: megabytes of imagined
    latents at once, by chunking; what a model needs besides, to imagine them, is its own affair.
    """

    evaluations: int = 0
    seconds: float = 0.0
    memory_mb: float = MEMORY_MB

    def __post_init__(self) -> None:
        if self.evaluations < 0 or not 0.0 <= self.seconds < float("inf"):
            raise BadValueError(
                f"budget of {self.evaluations} evaluations and {self.seconds} seconds: both must "
                "be zero (no limit) or more."
            )
        if not 0.0 < self.memory_mb < float("inf"):
            raise BadValueError(f"budget.memory_mb is {self.memory_mb}, expected more than zero.")


@dataclass(frozen=True, kw_only=True)
class SearchConfig(ABC):
    """Settings that all planners share; each planner's config adds its own.

    horizon: actions in a plan; warm_start: let the previous plan compete; gripper_deadband: smaller
    gripper changes become zero in the result; opening_deadband: likewise for those that open,
    where it is larger: a held object is lost by the smallest of them, and nothing is gained.
    closing_gain: closing changes are carried out times this, up to the bound; what is gripped stops
    the fingers, and a picture hardly tells a firm grip from none. compile: imagine through
    torch.compile, for models that offer it by a method `compile_rollouts`.
    """

    horizon: int = 1
    bounds: ActionBounds = field(default_factory=ActionBounds)
    objective: Objective = field(default_factory=Objective)
    budget: Budget = field(default_factory=Budget)
    warm_start: bool = False
    gripper_deadband: float = 0.0
    opening_deadband: float = 0.0
    closing_gain: float = 1.0
    compile: bool = False

    def __post_init__(self) -> None:
        check_least(self, horizon=1)
        for name in ("gripper_deadband", "opening_deadband"):
            if not 0.0 <= (value := getattr(self, name)) < float("inf"):
                raise BadValueError(f"{name} is {value}, expected zero or more.")
        if not 1.0 <= self.closing_gain < float("inf"):
            raise BadValueError(f"closing_gain is {self.closing_gain}, expected 1 or more.")
        bounds, least = self.bounds, self.gripper_deadband
        if bounds.translation == bounds.rotation == 0.0 and bounds.gripper < least:
            raise BadValueError(
                f"bounds.gripper is {bounds.gripper}, below gripper_deadband ({least}), without "
                "translation and rotation: together they exclude every action; widen one bound."
            )

    @abstractmethod
    def __call__(self, start: Start) -> Search:
        """Return a fresh search with these settings."""

    def rounded(self, actions: Tensor) -> Tensor:
        """Return actions (..., 7) with gripper changes below the deadbands set to zero."""
        gripper = actions[..., 6:]
        opening = max(self.gripper_deadband, self.opening_deadband)
        small = (gripper < self.gripper_deadband) & (gripper > -opening)
        return torch.cat([actions[..., :6], gripper.masked_fill(small, 0.0)], dim=-1)

    def carried_out(self, actions: Tensor) -> Tensor:
        """Return actions (..., 7) that were found as they are carried out: see `closing_gain`."""
        gripper = actions[..., 6:]
        firm = (gripper * self.closing_gain).clamp(max=self.bounds.gripper)
        return torch.cat([actions[..., :6], torch.maximum(gripper, firm)], dim=-1)

    def legal(self, actions: Tensor) -> Tensor:
        """Return the nearest actions (..., horizon, 7) within bounds, small gripper changes 0."""
        return self.rounded(self.bounds.clip(actions))


class HandRules(TypedDict):
    """Settings of a `SearchConfig` that concern the hand."""

    bounds: ActionBounds
    gripper_deadband: float
    opening_deadband: float
    closing_gain: float


HAND_RULES = HandRules(
    bounds=ActionBounds(gripper=1.0, grip_within=0.015),
    gripper_deadband=0.05,
    opening_deadband=0.3,
    closing_gain=1.4,
)
"""Close where you have arrived, and firmly; open in earnest or not at all. Our planners all keep to
it."""
FREE_HAND = (
    "bounds.grip_within=inf",
    "bounds.release_within=inf",
    "gripper_deadband=0",
    "opening_deadband=0",
    "closing_gain=1",
    f"bounds.gripper={GRIPPER_LIMIT}",
)
"""Options (for `with_options`) that lift these rules: the action set of the paper."""


@dataclass(frozen=True)
class Start:
    """What a search begins with: where tensors live, its randomness, and perhaps a guess.

    guess (horizon, 7): the previous plan moved on by one step, if the settings ask for it.
    """

    device: torch.device
    generator: torch.Generator
    guess: Tensor | None = None


@dataclass(frozen=True)
class Ask:
    """Energies are wanted of candidates (candidates, horizon, 7), perhaps with their gradients.

    exact: in the model's best arithmetic, where it has a faster one. coarse: their energies by
    neighbourhoods are wanted, too (`BothScales`), without gradients. lengths (candidates,): how
    many steps of each are imagined, at least 1; None is all. One `Ask` is one iteration.
    """

    candidates: Tensor
    gradient: bool = False
    exact: bool = False
    coarse: bool = False
    lengths: Tensor | None = None

    @property
    def cost(self) -> int:
        """Evaluations: candidates times horizon steps."""
        if self.lengths is not None:
            return int(self.lengths.sum())
        return self.candidates.shape[0] * self.candidates.shape[1]


@dataclass(frozen=True)
class Answer:
    """energies (candidates,), infinite where dropped; gradients (candidates, horizon, 7) or None,
    zero where dropped; coarse (candidates,), the energies by neighbourhoods, or None."""

    energies: Tensor
    gradients: Tensor | None = None
    coarse: Tensor | None = None


@dataclass(frozen=True)
class Found:
    """actions (horizon, 7) and their energy; None where it is still to be asked for."""

    actions: Tensor
    energy: float | None = None


Search: TypeAlias = Generator[Ask, Answer, Found]

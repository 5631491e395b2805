"""Action inference: which action leads from one logged frame to another, says the world model.

The action that minimises the energy of eq. (5) for horizon 1 is compared with the logged one. This
tells more about a model than its loss does, and costs seconds. The search is a small cross-entropy
method of its own over x, y, z and the gripper, with their whole covariance, as energies have
valleys along the camera's line of sight; no planner is involved. It stays within the moves that are
asked for. The gripper's change leaves its closedness within 0 … 1, as every logged one does:
beyond, there is no such action, and a model says the same of all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from armchair.errors import BadValueError, check_least
from armchair.poses import difference
from armchair.worldmodel.model import WorldModel
from armchair.worldmodel.training.clips import ClipConfig, ClipSampler, pairs_apart
from armchair.worldmodel.training.pairs import ChosenPairs, PairConfig, choose_pairs
from armchair.worldmodel.training.token_cache import TokenCache

SEARCHED = (0, 1, 2, 6)
"""Components of an action that are searched; rotation stays zero."""
AXES = ("x", "y", "z", "gripper")
THINNEST = (1e-3, 1e-3, 1e-3, 1e-2)
"""Least deviations of a draw, metres and closedness."""


@dataclass(frozen=True, kw_only=True)
class InferenceConfig:
    """Which pairs are tried, and how hard the search is."""

    pairs: PairConfig = field(default_factory=PairConfig)
    first_samples: int = 512
    """Drawn evenly over the whole box that `pairs.move` allows: an energy can have several valleys,
    and a search that starts narrow is lost in the wrong one, mostly along the camera's depth."""
    samples: int = 128
    elites: int = 12
    iterations: int = 6
    """Draws of `samples` after the first, which has half as many elites. Half of the second draw
    looks around each of them, as the mean of places in two valleys lies in neither; all else is
    drawn around the mean of the elites before, a third of which compete again."""

    def __post_init__(self) -> None:
        check_least(self, first_samples=1, samples=1, iterations=1)
        most = min(self.first_samples, self.samples)
        if not 1 <= self.elites <= most:
            raise BadValueError(f"elites {self.elites} must lie in 1 … {most}, the fewest samples.")


class Pairs(NamedTuple):
    """Latents of start and goal (P, N, D), state at the start and logged action (P, 7) each, and
    how they were chosen."""

    start: Tensor
    goal: Tensor
    states: Tensor
    actions: Tensor
    chosen: ChosenPairs


@dataclass(frozen=True)
class AxisScore:
    """Inferred against logged values of one component."""

    correlation: float
    slope: float
    """Of the regression of inferred on logged values."""
    mean_abs_error: float
    """Metres, or 0–1 of the gripper."""


@dataclass(frozen=True, kw_only=True)
class InferenceScore:
    """All that is said of a set of pairs."""

    axes: dict[str, AxisScore]
    """By name; an axis along which no pair differs is left out."""
    translation_error: float
    """Mean Euclidean distance between inferred and logged translation, metres."""
    pairs: int
    gripper_pairs: int
    """Of them, those with a change of the gripper."""
    mismatch: float
    """How far pairs are from moves in all directions alike: see `ChosenPairs`."""
    lopsided: float


def sample_pairs(
    model: WorldModel, sampler: ClipSampler, config: InferenceConfig, generator: torch.Generator
) -> Pairs:
    """Return pairs of frames as `config.pairs` asks for, out of all that the cache has.

    Raises `BadValueError` if there are too few.
    """
    candidates = sampler.all_pairs()
    chosen = choose_pairs(sampler.moves(candidates), config.pairs, generator)
    clips = sampler.read(candidates[chosen.index])
    latents = model.latents_of(clips.tokens.to(model.device))  # a second LayerNorm changes nothing
    return Pairs(latents[:, 0], latents[:, 1], clips.states[:, 0], clips.actions[:, 0], chosen)


def check_pairs(
    episodes: Sequence[NDArray[np.float64]], config: PairConfig, gaps: tuple[int, int]
) -> None:
    """Raise `BadValueError` if frames with these states, (T, 7) of each episode, have too few
    pairs with a gap in this range: before anything is encoded."""
    owner = np.repeat(np.arange(len(episodes)), [*map(len, episodes)])
    states = np.concatenate(episodes)
    pairs = pairs_apart(owner, gaps)
    moves = difference(states[pairs[:, 0]], states[pairs[:, 1]])
    choose_pairs(moves, config, torch.Generator())


def pair_clips(config: InferenceConfig) -> ClipConfig:
    """Return how pairs of frames are read out of a cache."""
    return ClipConfig(frames=2, max_move=config.pairs.move[1])


@torch.no_grad()
def infer_actions(
    model: WorldModel, pairs: Pairs, config: InferenceConfig, generator: torch.Generator
) -> Tensor:
    """Return the actions (P, 7) of least energy; rotation is zero."""
    return torch.cat(
        [
            _search(model, start, goal, state.to(start), config, generator)
            for start, goal, state in zip(pairs.start, pairs.goal, pairs.states, strict=True)
        ]
    )


def _search(
    model: WorldModel,
    start: Tensor,
    goal: Tensor,
    state: Tensor,
    config: InferenceConfig,
    generator: torch.Generator,
) -> Tensor:
    reach, closed = config.pairs.move[1], float(state[6])
    low, high = (
        torch.tensor([end * reach] * 3 + [change])
        for end, change in ((-1.0, -closed), (1.0, 1.0 - closed))
    )

    def asked(draws: Tensor) -> Tensor:
        return energies(model, start, state, goal, _actions(draws).to(start)).cpu()

    draws = low + (high - low) * torch.rand(config.first_samples, 4, generator=generator)
    closer = 0.5 * (high - low) / 12**0.5  # half of their deviation
    elites, energy = _lowest(draws, asked(draws), max(config.elites // 2, 1))
    mean = elites.mean(0)
    spread, kept = _factor(elites - mean), config.elites // 3
    for iteration in range(config.iterations):
        draws = mean + torch.randn(config.samples, 4, generator=generator) @ spread.T
        if iteration == 0:
            aside = closer * torch.randn(len(draws[::2]), 4, generator=generator)
            draws[::2] = aside + elites[torch.arange(len(aside)) % len(elites)]
        draws = draws.clamp(low, high)
        pool, scores = torch.cat([elites[:kept], draws]), torch.cat([energy[:kept], asked(draws)])
        elites, energy = _lowest(pool, scores, config.elites)
        spread, mean = _factor(elites - mean), elites.mean(0)
    both = torch.stack([elites[0], mean])
    return _actions(both[asked(both).argmin()].unsqueeze(0))


def _lowest(pool: Tensor, scores: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the rows of lowest energy and those energies, best first."""
    best = scores.topk(count, largest=False)
    return pool[best.indices], best.values


def _factor(away: Tensor) -> Tensor:
    """Return the lower triangular factor (4, 4) of the covariance of moves away (n, 4) from the old
    mean, as in CMA-ES: it grows where elites progress. None is thinner than `THINNEST`."""
    least = torch.tensor(THINNEST).square().diag()
    factor: Tensor = torch.linalg.cholesky(away.T @ away / len(away) + least)
    return factor


def _actions(searched: Tensor) -> Tensor:
    """Return actions (C, 7) of their searched components (C, 4)."""
    actions = torch.zeros(len(searched), 7)
    actions[:, SEARCHED] = searched
    return actions


def energies(
    model: WorldModel, start: Tensor, state: Tensor, goal: Tensor, actions: Tensor
) -> Tensor:
    """Return mean |P(a; z, s) - z_goal| (C,) of actions (C, 7), eq. (5) with horizon 1; start and
    goal (N, D), state (7,). Raises `BadValueError` where one is not finite."""
    past = start.new_zeros((0, actions.shape[1]))
    imagined = model.rollout(start[None], state[None], past, actions.unsqueeze(1))
    found = (imagined[:, 0] - goal).abs().mean((1, 2))
    if not found.isfinite().all():
        raise BadValueError(
            "the model imagines what is not finite: its weights or the tokens are damaged. Give "
            "another model, or make the tokens again."
        )
    return found


def score(inferred: Tensor, logged: Tensor) -> dict[str, AxisScore]:
    """Return the score of each of x, y, z and gripper that changes at all; actions (P, 7)."""
    scores = {}
    for axis, column in zip(AXES, SEARCHED, strict=True):
        x, y = logged[:, column].double(), inferred[:, column].double()
        dx, dy = x - x.mean(), y - y.mean()
        spread = float(dx.square().sum())
        if spread == 0.0:
            continue
        both = float((dx.square().sum() * dy.square().sum()).sqrt())
        scores[axis] = AxisScore(
            correlation=float((dx * dy).sum()) / both if both > 0 else 0.0,
            slope=float((dx * dy).sum()) / spread,
            mean_abs_error=float((x - y).abs().mean()),
        )
    return scores


def translation_error(inferred: Tensor, logged: Tensor) -> float:
    """Return the mean distance in metres between the translations of actions (P, 7)."""
    return float((inferred[:, :3] - logged[:, :3]).double().norm(dim=1).mean())


def score_pairs(
    model: WorldModel, cache: TokenCache, config: InferenceConfig, seed: int
) -> InferenceScore:
    """Return the scores of a world model on the pairs that a cache of its tokens has."""
    sampler = ClipSampler(cache, pair_clips(config), sandbox_roll=model.sandbox)
    generator = torch.Generator().manual_seed(seed)
    pairs = sample_pairs(model, sampler, config, generator)
    inferred = infer_actions(model, pairs, config, generator)
    return InferenceScore(
        axes=score(inferred, pairs.actions),
        translation_error=translation_error(inferred, pairs.actions),
        pairs=len(inferred),
        gripper_pairs=pairs.chosen.gripper,
        mismatch=pairs.chosen.mismatch,
        lopsided=pairs.chosen.lopsided,
    )

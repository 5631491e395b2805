"""How well a model imagines further ahead, against a world in which nothing moves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from armchair.errors import BadValueError, check_counts, check_least
from armchair.worldmodel.data.episodes import rows_per_step
from armchair.worldmodel.model import WorldModel
from armchair.worldmodel.training.clips import ClipConfig, ClipSampler
from armchair.worldmodel.training.token_cache import TokenCache

LONG_MOVE = 1.0
"""Metres: no bound on how far one step goes, as the clips are what was recorded."""
AT_ONCE = 16
"""Clips rolled out in one pass."""


@dataclass(frozen=True, kw_only=True)
class HorizonConfig:
    """Which clips are rolled out, and how far."""

    clips: int = 128
    steps: int = 8
    """Steps of the rollout; 8 of the sandbox's are two seconds."""
    step_rows: int | None = None
    """Rows (15 Hz) a step; None: as many as the model's own step takes, 4 of the shipped model."""
    least_motion: float = 0.05
    """Metres that the flange moves away from its start at least, at some time of a clip."""
    moving_share: float = 0.25
    """Share of tokens, those that change most, that are scored again by themselves."""

    def __post_init__(self) -> None:
        check_least(self, clips=1, steps=1, least_motion=0)
        if self.step_rows is not None:
            check_counts(self, "step_rows")
        if not 0 < self.moving_share <= 1:
            raise BadValueError(f"moving_share is {self.moving_share}; it is in (0, 1].")

    def rows_of(self, model: WorldModel) -> int:
        """Return the rows of a step of a model."""
        return self.step_rows or rows_per_step(model.seconds_per_step)


@dataclass(frozen=True, kw_only=True)
class ErrorsByHorizon:
    """Mean L1 errors by horizon 1 … H; `copy` repeats the context frame."""

    model: tuple[float, ...]
    copy: tuple[float, ...]
    model_moving: tuple[float, ...]
    """Over the tokens of each frame that differ most from the context frame."""
    copy_moving: tuple[float, ...]

    @property
    def ratios(self) -> list[float]:
        """Model over copy, by horizon."""
        return [a / b for a, b in zip(self.model, self.copy, strict=True)]

    @property
    def ratios_moving(self) -> list[float]:
        """The same over the tokens that change most."""
        return [a / b for a, b in zip(self.model_moving, self.copy_moving, strict=True)]


@dataclass(frozen=True, kw_only=True)
class HorizonScore:
    """Errors of the same rollouts in two spaces; which tokens move is told in the first."""

    plain: ErrorsByHorizon
    """Of LayerNormed tokens, as in the paper."""
    units: ErrorsByHorizon
    """Of latents in the model's own units; the same as `plain` in a model without statistics."""


def moving_clips(
    model: WorldModel, cache: TokenCache, config: HorizonConfig, generator: torch.Generator
) -> NDArray[np.int64]:
    """Return frame indices (B, H + 1) of clips with enough motion; B is at most `config.clips`.

    Raises `BadValueError` if there is none.
    """
    rows = config.rows_of(model)
    clips = ClipConfig(frames=config.steps + 1, gap_rows=(rows, rows), max_move=LONG_MOVE)
    if rows % (stride := cache.layout.row_stride):
        raise BadValueError(
            f"a step of {rows} rows is no multiple of the {stride} that tokens are "
            f"apart; set horizon.step_rows (in training validation_horizon.step_rows) to {stride}."
        )
    sampler = ClipSampler(cache, clips)
    try:
        frames = sampler.sample_frames(generator, 8 * config.clips)
    except BadValueError as error:
        raise BadValueError(
            f"hardly any episode has the {config.steps * rows + 1} rows that a rollout "
            f"of {config.steps} steps of {rows} rows needs; take fewer or shorter "
            "steps (horizon.steps, horizon.step_rows), or longer episodes."
        ) from error
    place = cache.states[frames, :3]
    far = np.linalg.norm(place - place[:, :1], axis=-1).max(1) >= config.least_motion
    if not far.any():
        raise BadValueError(
            f"no clip of {config.steps} steps moves by {config.least_motion} m; give episodes with "
            "motion, or a smaller horizon.least_motion."
        )
    found: NDArray[np.int64] = frames[far][: config.clips]
    return found


@torch.no_grad()
def rollout_errors(
    model: WorldModel, cache: TokenCache, config: HorizonConfig, generator: torch.Generator
) -> HorizonScore:
    """Return errors of rollouts from one frame under the logged actions, on cached episodes."""
    frames = moving_clips(model, cache, config, generator)
    rows = config.rows_of(model)
    clips = ClipConfig(frames=config.steps + 1, gap_rows=(rows, rows), max_move=LONG_MOVE)
    sampler = ClipSampler(cache, clips, sandbox_roll=model.sandbox)
    sums = torch.zeros(2, 4, config.steps, dtype=torch.float64)
    for part in np.array_split(frames, -(-len(frames) // AT_ONCE)):
        read, states, actions = (x.to(model.device) for x in sampler.read(part))
        latents = model.latents_of(read)
        imagined = model.rollout_batch(
            latents[:, :1], states[:, :1], actions[:, :0], actions[:, None]
        )[:, 0]
        tokens = model.tokens_of(latents)
        moving = _moving(tokens, config.moving_share)
        sums += torch.stack(
            [_sums(tokens, model.tokens_of(imagined), moving), _sums(latents, imagined, moving)]
        ).cpu()
    plain, units = (
        ErrorsByHorizon(model=m, copy=c, model_moving=mm, copy_moving=cm)
        for m, c, mm, cm in (map(tuple, space.tolist()) for space in sums / len(frames))
    )
    return HorizonScore(plain=plain, units=units)


def _moving(tokens: Tensor, share: float) -> Tensor:
    """Return which tokens (B, H, M) of (B, H + 1, N, D) are farthest from the first frame's."""
    still = (tokens[:, 1:] - tokens[:, :1]).abs().mean(-1)
    return still.topk(max(round(share * still.shape[-1]), 1), dim=-1).indices


def _sums(real: Tensor, imagined: Tensor, moving: Tensor) -> Tensor:
    """Return errors (4, H) summed over clips, in the order of `ErrorsByHorizon`.

    real (B, H + 1, N, D), imagined (B, H, N, D), moving (B, H, M).
    """
    wrong = (real[:, 1:] - imagined).abs().mean(-1)
    still = (real[:, 1:] - real[:, :1]).abs().mean(-1)
    parts = (wrong, still, wrong.gather(-1, moving), still.gather(-1, moving))
    return torch.stack([part.double().mean(-1).sum(0) for part in parts])

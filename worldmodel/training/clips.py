"""Short clips out of a token cache, with time gaps drawn at random.

In simulation an image depends only on where things are at that instant, so any gap in time gives a
true pair of frames; what bounds it is how far one action may go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from armchair.episode import ROWS_PER_SECOND
from armchair.errors import BadValueError, check_least
from armchair.poses import difference, roll_to_sandbox
from armchair.worldmodel.training.token_cache import TokenCache

GRIPPER_WORKS, HAND_STAYS_M = 0.1, 0.03
"""Least change of closedness and largest move per axis of a clip that counts as gripping."""
ROUNDS, LATER_ROUNDS, LATER_DRAWS = 100, 100, 10_000
"""Rounds of drawing, twice as many clips as are wanted each, and then of many, before the settings
are declared impossible."""


@dataclass(frozen=True, kw_only=True)
class ClipConfig:
    """How clips are drawn."""

    batch: int = 64
    """Clips per step."""
    frames: int = 3
    """Frames of a clip: teacher forcing on all but one, and a rollout (`rollout_steps`)."""
    gap_rows: tuple[int, int] = (4, 24)
    """Least and largest gap between successive frames in rows (15 Hz), drawn per gap."""
    max_move: float = 0.13
    """Largest change of x, y or z between successive frames, metres."""
    backward_share: float = 0.0
    """Share of clips that run backwards in time: true of free motion, not of falling objects."""
    gripping_share: float = 0.0
    """Share of clips in which, first of all, the gripper works and the hand hardly moves; the
    others come as they come. The fingers are small in the picture, and learnt last."""

    def __post_init__(self) -> None:
        low, high = self.gap_rows
        if not 1 <= low <= high:
            raise BadValueError(f"gap_rows {self.gap_rows} must be ordered and at least 1.")
        check_least(self, batch=1, frames=2)
        if not self.max_move > 0:
            raise BadValueError(f"max_move is {self.max_move} m, expected more than 0.")
        if not 0 <= self.backward_share <= 1:
            raise BadValueError(f"backward_share is {self.backward_share}; it is in [0, 1].")
        if not 0 <= self.gripping_share <= 1:
            raise BadValueError(f"gripping_share is {self.gripping_share}; it is in [0, 1].")

    def gaps(self, stride: int) -> tuple[int, int]:
        """Return the least and largest gap in frames that lie `stride` rows apart.

        Raises `BadValueError` if there is none.
        """
        low, high = -(-self.gap_rows[0] // stride), self.gap_rows[1] // stride
        if low > high:
            raise BadValueError(f"gap_rows {self.gap_rows} holds no multiple of {stride} rows.")
        return low, high


class Clips(NamedTuple):
    """A batch: LayerNormed tokens (B, T, N, D), states (B, T, 7), actions (B, T-1, 7)."""

    tokens: Tensor
    states: Tensor
    actions: Tensor


class ClipSampler:
    """Draws clips that lie in one episode and whose steps are no longer than allowed."""

    def __init__(self, cache: TokenCache, config: ClipConfig, *, sandbox_roll: bool = True) -> None:
        """`sandbox_roll`: roll in [0, 2 pi), else in (-pi, pi] as the files have it."""
        self.cache, self.config, self.sandbox_roll = cache, config, sandbox_roll
        stride = cache.layout.row_stride
        self._gaps = config.gaps(stride)
        self.least_seconds = self._gaps[0] * stride / ROWS_PER_SECOND
        """Time from one frame of a clip to the next, if the gap is the shortest that is drawn."""
        self._episode = np.repeat(np.arange(len(cache.episodes)), [e.count for e in cache.episodes])

    def sample(
        self, generator: torch.Generator, batch: int | None = None, part: tuple[int, int] = (0, 1)
    ) -> Clips:
        """Return a batch, or one part (number, of how many) of it.

        Raises `BadValueError` if no clip fits the settings.
        """
        frames = self.sample_frames(generator, batch or self.config.batch)
        crop = int(torch.randint(self.cache.layout.crops, (), generator=generator))
        return self.read(frames[part[0] :: part[1]], crop)

    def read(self, frames: NDArray[np.int64], crop: int = 0) -> Clips:
        """Return the clips of frame indices (B, T)."""
        states = self.cache.states[frames]
        return Clips(
            tokens=self.cache.read(frames, crop),
            states=torch.from_numpy(
                roll_to_sandbox(states) if self.sandbox_roll else states
            ).float(),
            actions=self.actions(frames),
        )

    def actions(self, frames: NDArray[np.int64]) -> Tensor:
        """Return the actions (B, T-1, 7) between the frames (B, T): differences of states."""
        states = self.cache.states[frames]
        return torch.from_numpy(difference(states[:, :-1], states[:, 1:])).float()

    def moves(self, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the actions (K, 7) of pairs of frames (K, 2)."""
        first, second = self.cache.states[pairs.T]
        moves: NDArray[np.float64] = difference(first, second)
        return moves

    def all_pairs(self) -> NDArray[np.int64]:
        """Return indices (K, 2) of all pairs of frames a legal gap apart, forward in time."""
        return pairs_apart(self._episode, self._gaps)

    def sample_frames(self, generator: torch.Generator, batch: int) -> NDArray[np.int64]:
        """Return frame indices (batch, T) of clips that keep within episode and move bound."""
        gripping = round(self.config.gripping_share * batch)
        if not gripping:
            return self._sample(generator, batch, self._fits, "")
        what = " and, with clips.gripping_share, a gripper at work in a hand that stays"
        parts = [self._sample(generator, gripping, self._grips, what)]
        if gripping < batch:
            parts.append(self._sample(generator, batch - gripping, self._fits, ""))
        return np.concatenate(parts)

    def _sample(
        self,
        generator: torch.Generator,
        batch: int,
        fits: Callable[[NDArray[np.int64]], NDArray[np.bool_]],
        what: str,
    ) -> NDArray[np.int64]:
        found: list[NDArray[np.int64]] = []
        for number in range(ROUNDS + LATER_ROUNDS):
            frames = self._draw(generator, 2 * batch if number < ROUNDS else LATER_DRAWS)
            found.append(frames[fits(frames)])
            if sum(map(len, found)) >= batch:
                return np.concatenate(found)[:batch]
        raise BadValueError(
            f"{self.cache.folder}: hardly any clip of {self.config.frames} frames has gap_rows "
            f"{self.config.gap_rows} and moves below {self.config.max_move} m{what}. "
            "Collect longer episodes, shorten gap_rows or raise max_move."
        )

    def _draw(self, generator: torch.Generator, count: int) -> NDArray[np.int64]:
        low, high = self._gaps
        starts = torch.randint(len(self.cache), (count, 1), generator=generator)
        shape = (count, self.config.frames - 1)
        gaps = torch.randint(low, high + 1, shape, generator=generator)
        frames = torch.cat([starts, starts + gaps.cumsum(1)], dim=1)
        back = torch.rand(count, 1, generator=generator) < self.config.backward_share
        return torch.where(back, frames.flip(1), frames).numpy()

    def _fits(self, frames: NDArray[np.int64]) -> NDArray[np.bool_]:
        inside = frames.max(1) < len(self.cache)
        clipped = np.minimum(frames, len(self.cache) - 1)
        one_episode = (self._episode[clipped] == self._episode[clipped[:, :1]]).all(1)
        moves = np.abs(np.diff(self.cache.states[clipped, :3], axis=1)).max((1, 2))
        fits: NDArray[np.bool_] = inside & one_episode & (moves <= self.config.max_move)
        return fits

    def _grips(self, frames: NDArray[np.int64]) -> NDArray[np.bool_]:
        first = np.minimum(frames[:, :2], len(self.cache) - 1)
        change = np.abs(np.diff(self.cache.states[first], axis=1)[:, 0])
        works = (change[:, 6] > GRIPPER_WORKS) & (change[:, :3].max(1) < HAND_STAYS_M)
        fits: NDArray[np.bool_] = self._fits(frames) & works
        return fits


def pairs_apart(episode: NDArray[np.int64], gaps: tuple[int, int]) -> NDArray[np.int64]:
    """Return indices (K, 2) of all pairs of frames with a gap in this range, forward in time and
    both of one episode; `episode` (F,) says whose each frame is."""
    wanted = range(gaps[0], gaps[1] + 1)
    starts = [np.arange(max(len(episode) - gap, 0)) for gap in wanted]
    pairs = np.concatenate(
        [np.stack([first, first + gap], 1) for first, gap in zip(starts, wanted, strict=True)]
    )
    same: NDArray[np.int64] = pairs[episode[pairs[:, 0]] == episode[pairs[:, 1]]]
    return same

"""What sampling planners draw candidates from, and how the best of a pool are picked."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor

from armchair.errors import BadValueError
from armchair.planners.bounds import ActionBounds


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Deviations of the first distribution: metres, radians, closedness."""

    translation: float = 0.075
    rotation: float = 0.1
    gripper: float = 1.0

    def __post_init__(self) -> None:
        for name in ("translation", "rotation", "gripper"):
            if not 0.0 < (value := getattr(self, name)) < float("inf"):
                raise BadValueError(f"spread.{name} is {value}, expected more than zero.")


@dataclass(frozen=True)
class Distribution:
    """Normal distributions of action sequences: mean and deviation, both (horizon, 7).

    factor (3 · horizon, 3 · horizon): lower triangular factor of the translations' covariance, each
    action's x, y, z in a row; None where they are as independent as all else.
    """

    mean: Tensor
    deviation: Tensor
    factor: Tensor | None = None

    @classmethod
    def first(
        cls, spread: Spread, bounds: ActionBounds, horizon: int, device: torch.device
    ) -> Distribution:
        """Return zero mean and the given deviations, zero where the bounds forbid any change."""
        per_entry = torch.tensor(
            [spread.translation] * 3 + [spread.rotation] * 3 + [spread.gripper]
        )
        per_entry = torch.where(bounds.limits() > 0.0, per_entry, 0.0)
        deviation = per_entry.repeat(horizon, 1).to(device)
        return cls(torch.zeros_like(deviation), deviation)

    def with_covariance(self) -> Distribution:
        """Return it so that from now on the translations' covariance is learnt, too."""
        return replace(self, factor=self.deviation[:, :3].flatten().diag())

    def closer(self, share: float) -> Distribution:
        """Return it with every deviation times a share."""
        factor = None if self.factor is None else share * self.factor
        return Distribution(self.mean, share * self.deviation, factor)

    def axes(self) -> Tensor:
        """Return the lower triangular matrix (7 · horizon, 7 · horizon) that makes standard normal
        noise its deviations from the mean."""
        axes = self.deviation.flatten().diag()
        if self.factor is not None:
            moves = torch.arange(len(axes), device=axes.device).view(-1, 7)[:, :3].flatten()
            axes[moves[:, None], moves] = self.factor
        return axes

    def sample(self, count: int, generator: Generator, exponent: float = 0.0) -> Tensor:
        """Return draws (count, horizon, 7), made on the generator's device.

        `exponent` colours the noise over the horizon: see `coloured`.
        """
        return self.around(self.mean[None], count, generator, exponent)

    def around(
        self, places: Tensor, count: int, generator: Generator, exponent: float = 0.0
    ) -> Tensor:
        """Return draws (count, horizon, 7) around places (places, horizon, 7), about as many around
        each."""
        shape = (count, *self.mean.shape)
        noise = torch.randn(shape, generator=generator, device=generator.device)
        noise = coloured(noise, exponent).to(self.mean)
        moves = self.deviation * noise
        if self.factor is not None:
            along = noise[..., :3].flatten(1) @ self.factor.T
            moves[..., :3] = along.view(count, -1, 3)
        turn = torch.arange(count, device=places.device) % len(places)
        return places[turn] + moves

    def towards(
        self,
        elites: Tensor,
        floor: Tensor,
        keep_mean: float = 0.0,
        keep_deviation: float = 0.0,
        *,
        progress: bool = True,
    ) -> Distribution:
        """Return the distribution moved to elites (elites, horizon, 7).

        `keep_*` are the shares of the old that stay; no deviation falls below `floor`. progress:
        take the translations' covariance, where there is one, around the old mean, so that it grows
        in the direction in which elites progress, as along a valley; else around their own.
        Source: Hansen, "The CMA Evolution Strategy: A Tutorial", 2016, section 3.1.
        """
        spread = elites.std(dim=0) if len(elites) > 1 else self.deviation
        mean = (1 - keep_mean) * elites.mean(dim=0) + keep_mean * self.mean
        deviation = (1 - keep_deviation) * spread + keep_deviation * self.deviation
        factor = self.factor
        if factor is not None and (progress or len(elites) > 1):
            middle = self.mean if progress else elites.mean(dim=0)
            factor = _covariance_factor(elites - middle, floor, factor, keep_deviation)
        return Distribution(mean, torch.maximum(deviation, floor), factor)


def _covariance_factor(away: Tensor, floor: Tensor, old: Tensor, keep: float) -> Tensor:
    """Return the factor of the translations of away (elites, horizon, 7), no thinner than floor.

    The old one, where bounds of zero or a floor of zero leave no covariance to factor.
    """
    moves = away[..., :3].flatten(1)
    covariance = (1 - keep) * (moves.T @ moves / len(moves)) + keep * (old @ old.T)
    covariance = covariance + floor[:, :3].flatten().square().diag()
    factor, failed = torch.linalg.cholesky_ex(covariance)
    return old if failed else factor


def coloured(white: Tensor, exponent: float) -> Tensor:
    """Return noise (count, horizon, entries) of unit variance whose power falls as 1/f^exponent.

    `white` is standard normal noise of that shape, returned as it is for an exponent of 0 or a
    horizon of 1; up to three steps leave no room for colour. Source: Timmer and König, 1995, on the
    real Fourier transform over the horizon.
    """
    horizon = white.shape[1]
    if exponent == 0.0 or horizon == 1:
        return white
    frequencies = torch.fft.rfftfreq(horizon, device=white.device)
    frequencies[0] = 1.0 / horizon  # the mean is as strong as the slowest wave
    gain = frequencies ** (-exponent / 2)
    weights = torch.full_like(gain, 2.0)  # each frequency but the ends stands for two
    weights[0] = 1.0
    if horizon % 2 == 0:
        weights[-1] = 1.0
    power = float((weights * gain.square()).sum()) / horizon
    spectrum = torch.fft.rfft(white, dim=1) * gain[:, None]
    noise: Tensor = torch.fft.irfft(spectrum, n=horizon, dim=1) / math.sqrt(power)
    return noise


def best_of(pool: Tensor, energies: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the `count` candidates of lowest energy and those energies, best first.

    Fewer, or none, where fewer have a finite energy.
    """
    best = energies.topk(min(count, len(energies)), largest=False)
    finite = int(best.values.isfinite().sum())
    return pool[best.indices[:finite]], best.values[:finite]

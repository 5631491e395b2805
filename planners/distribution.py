"""What sampling planners draw candidates from, and how the best of a pool are picked."""

from __future__ import annotations

import math
from dataclasses import dataclass

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
    """Independent normal distributions: mean and deviation, both (horizon, 7)."""

    mean: Tensor
    deviation: Tensor

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

    def sample(self, count: int, generator: Generator, exponent: float = 0.0) -> Tensor:
        """Return draws (count, horizon, 7), made on the generator's device.

        `exponent` colours the noise over the horizon: see `coloured`.
        """
        shape = (count, *self.mean.shape)
        noise = torch.randn(shape, generator=generator, device=generator.device)
        return self.mean + self.deviation * coloured(noise, exponent).to(self.mean)

    def towards(
        self, elites: Tensor, floor: Tensor, keep_mean: float = 0.0, keep_deviation: float = 0.0
    ) -> Distribution:
        """Return the distribution moved to elites (elites, horizon, 7).

        `keep_*` are the shares of the old that stay; no deviation falls below `floor`.
        """
        spread = elites.std(dim=0) if len(elites) > 1 else self.deviation
        mean = (1 - keep_mean) * elites.mean(dim=0) + keep_mean * self.mean
        deviation = (1 - keep_deviation) * spread + keep_deviation * self.deviation
        return Distribution(mean, torch.maximum(deviation, floor))


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

"""The energy over two entries of one action, the others held; V-JEPA 2 (2025), figure 9."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from armchair.errors import BadValueError, UnknownNameError
from armchair.evaluation.landscape_figures import is_flat, shape_figures
from armchair.evaluation.pairs import FramePair
from armchair.planners import Context, ImaginationError, LatentDynamics
from armchair.planners.energy import score

AXES = ("x", "y", "z", "roll", "pitch", "yaw", "gripper")
UNITS = ("m", "m", "m", "rad", "rad", "rad", "closedness")
LEAST_RANGE = 0.10
"""Every sweep reaches at least this far to both sides, in the axis' unit."""
RANGE_FACTOR = 1.3
"""A sweep reaches this many times the true value, if that is farther."""

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class LandscapeConfig:
    """axes: the two action entries that are swept; grid: points along each; others: held at their
    true values, or at zero as in the paper's figure 9; horizon: equal steps that every action is
    taken in, each an equal share of it; the energy is that of the last."""

    axes: tuple[str, str] = ("x", "z")
    grid: int = 21
    others: Literal["true", "zero"] = "true"
    horizon: int = 1

    def __post_init__(self) -> None:
        for axis in self.axes:
            if axis not in AXES:
                raise UnknownNameError("action axis", axis, AXES)
        if self.axes[0] == self.axes[1]:
            raise BadValueError(f"axes are {' '.join(self.axes)}, expected two different ones.")
        if self.horizon < 1:
            raise BadValueError(f"horizon is {self.horizon}, expected 1 step or more.")
        if self.grid < 2:
            raise BadValueError(f"grid is {self.grid}, expected 2 points or more along an axis.")

    @property
    def columns(self) -> tuple[int, int]:
        """Return the indices of the two axes in an action."""
        return AXES.index(self.axes[0]), AXES.index(self.axes[1])


@dataclass(frozen=True, kw_only=True)
class Landscape:
    """energies (grid, grid): entry [i, j] belongs to `values[0][i]` and `values[1][j]`, each in its
    axis' unit; actions (7,) in metres and radians."""

    config: LandscapeConfig
    values: tuple[Array, Array]
    energies: Array
    true_action: Array
    true_energy: float
    minimum_action: Array

    @property
    def flat(self) -> bool:
        """Whether all energies are one number: then no action is the minimum."""
        return is_flat(self.energies)

    @property
    def offset(self) -> Array:
        """Return minimum minus truth (2,) on the swept axes, each in its unit."""
        columns = list(self.config.columns)
        return self.minimum_action[columns] - self.true_action[columns]

    @property
    def offset_m(self) -> float | None:
        """Return the length of the offset over the swept translations, or None without any."""
        swept = [c for c in self.config.columns if c < 3]
        if not swept:
            return None
        return float(np.linalg.norm((self.minimum_action - self.true_action)[swept]))

    def figures(self) -> dict[str, Any]:
        """Return the numbers by which landscapes are compared, JSON-ready."""
        columns = list(self.config.columns)
        shape = shape_figures(self.energies, *self.values, self.true_action[columns])
        away: dict[str, Any] = {"offset": self.offset.tolist(), "offset_m": self.offset_m}
        if self.flat:
            away = dict.fromkeys(away)
        return {**asdict(shape), **away}

    def in_words(self) -> str:
        """Return convexity and offset for people, or that there is no shape to speak of."""
        if self.flat:
            return "flat: every action has the same energy"
        away = "" if self.offset_m is None else f", minimum {100 * self.offset_m:.1f} cm off"
        return f"convexity {self.figures()['convexity']:.2f}{away}"

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON-ready values."""
        return {
            "axes": list(self.config.axes),
            "units": [UNITS[column] for column in self.config.columns],
            "others": self.config.others,
            "values": [axis.tolist() for axis in self.values],
            "energies": self.energies.tolist(),
            "true_action": self.true_action.tolist(),
            "true_energy": self.true_energy,
            "minimum_action": self.minimum_action.tolist(),
            "minimum_energy": float(self.energies.min()),
            "horizon": self.config.horizon,
            **self.figures(),
        }


def compute(model: LatentDynamics, pair: FramePair, config: LandscapeConfig) -> Landscape:
    """Return the energy of every action of the grid, imagined from the first frame in batches."""
    truth = pair.true_action
    values = tuple(_sweep(float(truth[column]), config.grid) for column in config.columns)
    candidates = _candidates(truth, values, config)
    actions = np.concatenate([candidates, truth[None]])
    energies = _energies(model, pair, _in_steps(actions, config.horizon))
    table = energies[:-1].reshape(config.grid, config.grid)
    return Landscape(
        config=config,
        values=(values[0], values[1]),
        energies=table,
        true_action=truth,
        true_energy=float(energies[-1]),
        minimum_action=candidates[int(table.argmin())],
    )


def _sweep(true_value: float, grid: int) -> Array:
    reach = max(LEAST_RANGE, RANGE_FACTOR * abs(true_value))
    return np.linspace(-reach, reach, grid)


def _candidates(truth: Array, values: tuple[Array, ...], config: LandscapeConfig) -> Array:
    """Return actions (grid * grid, 7), the second axis running fastest."""
    held = truth if config.others == "true" else np.zeros_like(truth)
    candidates = np.repeat(held[None], config.grid**2, axis=0)
    mesh = np.meshgrid(*values, indexing="ij")
    for column, swept in zip(config.columns, mesh, strict=True):
        candidates[:, column] = swept.ravel()
    return candidates


def _in_steps(actions: Array, horizon: int) -> Array:
    """Return sequences (count, horizon, 7) of equal steps that lead where actions (count, 7) do."""
    steps = actions / horizon
    if horizon > 1:  # shares of Euler angles do not compose to the turn, shares of its vector do
        turns = Rotation.from_euler("xyz", actions[:, 3:6]).as_rotvec() / horizon
        steps[:, 3:6] = Rotation.from_rotvec(turns).as_euler("xyz")
    return np.repeat(steps[:, None], horizon, axis=1)


@torch.no_grad()
def _energies(model: LatentDynamics, pair: FramePair, actions: Array) -> Array:
    """Return the energy (count,) of sequences (count, horizon, 7)."""
    start, goal = (
        model.encode(torch.from_numpy(np.ascontiguousarray(seen.frame))[None])[0]
        for seen in (pair.before, pair.after)
    )

    def tensor(array: Array) -> torch.Tensor:
        return torch.as_tensor(array, dtype=torch.float32, device=start.device)

    context = Context(
        latents=start[None],
        states=tensor(pair.before.state[None]),
        past_actions=tensor(np.zeros((0, 7))),
    )
    energies = score(model, context, tensor(actions), goal)
    if not bool(energies.isfinite().all()):
        raise ImaginationError(
            f"the world model imagined latents that are not finite numbers for "
            f"{int((~energies.isfinite()).sum())} of {len(energies)} actions. Check the checkpoint."
        )
    return np.asarray(energies.cpu().numpy(), dtype=np.float64)

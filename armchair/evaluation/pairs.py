"""Pairs of frames one action apart: read from a file, or made in the simulator."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import armchair
from armchair.errors import BadFileError
from armchair.evaluation.episode import Scene, strip
from armchair.evaluation.tasks import TASKS
from armchair.planners import ActionBounds, Observation
from armchair.poses import check_states, difference

PACKAGED = {"franka": Path(armchair.__file__).parent / "data" / "franka_example_traj.npz"}
"""Pairs inside the package, by name; where they come from: `armchair/data/README.md`."""
LEAST_MOVE_M = 0.05
"""Shortest simulated move: shorter ones drown in the grid."""
UNREADABLE = (
    ValueError,
    OSError,
    EOFError,
    TypeError,
    AttributeError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What numpy raises for damaged archives, pickled objects and .npy files."""
FIX = (
    "Give an .npz with `observations` (2, height, width, 3) uint8 and `states` (2, 7): "
    "metres, radians, gripper 0 … 1."
)


@dataclass(frozen=True, kw_only=True)
class FramePair:
    """Two moments and where they are from; the true action (7,) leads from one to the other."""

    name: str
    before: Observation
    after: Observation

    @property
    def true_action(self) -> NDArray[np.float64]:
        """Return the difference of the two states (7,), metres and radians."""
        return difference(self.before.state, self.after.state)


def load_pair(name: str) -> FramePair:
    """Return a packaged pair by name, or one from an .npz file.

    Raises `BadFileError` for a file that is missing, damaged or of other shapes and types, and
    `BadValueError` for states in other units.
    """
    path = PACKAGED.get(name, Path(name))
    arrays = _read(path)
    frames, states = (_without_batch(arrays[key]) for key in ("observations", "states"))
    if frames.dtype != np.uint8 or frames.shape != (2, *frames.shape[1:3], 3) or not frames.size:
        raise BadFileError(path, f"observations are {_described(arrays['observations'])}", FIX)
    if states.shape != (2, 7) or states.dtype.kind != "f":
        raise BadFileError(path, f"states are {_described(arrays['states'])}", FIX)
    checked = check_states(states, path)
    before, after = (Observation(frame=frames[i], state=checked[i]) for i in range(2))
    return FramePair(name=path.stem if name not in PACKAGED else name, before=before, after=after)


def simulated_pair(scene: Scene, task: str = "reach") -> FramePair:
    """Return a pair from the simulator: a reset of a task and one random move."""
    before, after = simulated_walk(scene, 1, task)
    live = "sim" if task == "reach" else f"sim-{task}"
    name = f"{live}-{scene.role}-{scene.seed}-{scene.episode}"
    return FramePair(name=name, before=before, after=after)


def simulated_walk(scene: Scene, moves: int, task: str = "reach") -> tuple[Observation, ...]:
    """Return moves + 1 moments: a reset of a task and random moves, 5 cm or longer."""
    env = TASKS[task].make_env()
    generator = torch.Generator().manual_seed(scene.policy_seed())
    try:
        observed, _ = env.reset(options=scene.options())
        walk = [strip(observed)]
        for _ in range(moves):
            walk.append(strip(env.step(_random_move(generator))[0]))
    finally:
        env.close()
    return tuple(walk)


def _random_move(generator: torch.Generator) -> NDArray[np.float64]:
    """Return a translation (7,) within the planners' bounds and at least 5 cm long."""
    while True:
        move = ActionBounds(gripper=0.0).sample(1, 1, generator)[0, 0].double().numpy()
        if np.linalg.norm(move[:3]) >= LEAST_MOVE_M:
            return np.asarray(move)


def _read(path: Path) -> dict[str, NDArray[Any]]:
    if not path.is_file():
        known = ", ".join(PACKAGED)
        raise BadFileError(path, "there is no such file", f"Packaged pairs: {known}. {FIX}")
    if not zipfile.is_zipfile(path):
        raise BadFileError(path, "is no .npz archive, or one cut short", FIX)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {key: archive[key] for key in ("observations", "states")}
    except KeyError as error:
        raise BadFileError(path, f"lacks an array ({error.args[0]})", FIX) from error
    except UNREADABLE as error:
        raise BadFileError(path, f"not a readable .npz of plain arrays ({error})", FIX) from error


def _without_batch(array: NDArray[Any]) -> NDArray[Any]:
    """Return the array without a leading dimension of one, as Meta's example has it."""
    return array[0] if array.ndim in (3, 5) and len(array) == 1 else array


def _described(array: NDArray[Any]) -> str:
    return f"{array.dtype} of shape {array.shape}"

"""Episodes by the hundred: a list of indices, each made from its own seed, by any worker.

Resuming is looking which indices exist. An episode is a function of (seed, index, config) alone.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from armchair.episode import Simulation
from armchair.errors import ArmchairError, BadValueError
from armchair.seeds import episode_seed
from armchair.sim.arm import SimArm
from armchair.sim.behaviours import BEHAVIOURS, FLANGE_HIGH, FLANGE_LOW
from armchair.sim.droid_writer import (
    clean_leftovers,
    episode_path,
    existing_indices,
    write_episode,
)
from armchair.sim.randomise import LEVELS, randomise
from armchair.sim.recorder import Recorder
from armchair.sim.workers import spawned

ROLE_STRIDE = {"train": 0, "validation": 1_000_000, "test": 2_000_000}
"""Added to an episode's index, so that roles never share a name or a folder entry."""


@dataclass(frozen=True, kw_only=True)
class CollectConfig:
    """What to make. `mix` gives the share of each behaviour; shares need not sum to 1."""

    episodes: int = 100
    rows: int = 240
    """Rows per episode at 15 Hz: 240 are 16 s, or 60 model frames."""
    level: str = "light"
    role: str = "train"
    seed: int = 0
    mix: tuple[tuple[str, float], ...] = (("play", 0.4), ("steps", 0.35), ("reach", 0.25))
    cameras: tuple[str, ...] = ("left",)

    def __post_init__(self) -> None:
        LEVELS[self.level]
        episode_seed(self.role, self.seed, 0)
        for name, _ in self.mix:
            BEHAVIOURS[name]
        if self.episodes < 1 or self.rows < 33:
            raise BadValueError(
                f"episodes {self.episodes} and rows {self.rows}: give at least 1 episode of at "
                "least 33 rows (a clip of 8 frames at 4 fps needs 33)."
            )


def collect(config: CollectConfig, root: Path, workers: int = 1) -> Iterator[int]:
    """Write the missing episodes under `root`, yielding each index as it is complete.

    Raises ArmchairError when the disk is full or a worker dies; what was complete stays and is
    skipped next time.
    """
    clean_leftovers(root)
    offset = ROLE_STRIDE[config.role]
    done = existing_indices(root)
    todo = [i for i in range(config.episodes) if offset + i not in done]
    yield from (i for i in range(config.episodes) if offset + i in done)
    make = functools.partial(make_episode, config, root)
    if workers <= 1:
        for index in todo:
            yield make(index)
        return
    try:
        with spawned(workers) as pool:
            for future in as_completed([pool.submit(make, index) for index in todo]):
                yield future.result()
    except BrokenProcessPool as error:
        raise ArmchairError(
            f"a worker process of {workers} died, of too little memory perhaps. Run the same "
            "command again with fewer workers; complete episodes are kept."
        ) from error
    finally:
        clean_leftovers(root)


@functools.cache
def _arm() -> SimArm:
    return SimArm()  # one compiled scene and one GL context per process


def make_episode(config: CollectConfig, root: Path, index: int) -> int:
    """Simulate and write one episode; returns its index within the run."""
    rng = np.random.default_rng(episode_seed(config.role, config.seed, index))
    arm = _arm()
    arm.reset()
    names, shares = zip(*config.mix, strict=True)
    behaviour = str(rng.choice(names, p=np.array(shares) / sum(shares)))
    randomise(arm, LEVELS[config.level], rng)
    start = rng.uniform(FLANGE_LOW, FLANGE_HIGH)
    arm.drive_to(start, closed=float(rng.choice([0.0, rng.random()])))
    recorder = Recorder(arm, config.cameras)
    outcome = BEHAVIOURS[behaviour](recorder, rng, config.rows)
    simulation: Simulation = {
        "behaviour": behaviour,
        "level": config.level,
        "role": config.role,
        "seed": float(config.seed),
        "episode": float(index),
    }
    if outcome.goal is not None:
        simulation["goal_state"] = outcome.goal
    episode = recorder.episode(
        ROLE_STRIDE[config.role] + index,
        outcome.task,
        success=outcome.success,
        simulation=simulation,
    )
    if not episode_path(root, episode.index, episode.success).exists():  # by another run, meanwhile
        write_episode(root, episode)
    return index

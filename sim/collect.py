"""Episodes by the hundred: a list of indices, each made from its own seed, by any worker.

Resuming is looking which indices exist. An episode is a function of (seed, index, config) alone.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from armchair.episode import ROWS_PER_SECOND, Simulation
from armchair.episode_names import SPACING
from armchair.errors import BadFileError, BadValueError, UnknownNameError
from armchair.poses import euler_to_matrix
from armchair.seeds import episode_seed
from armchair.sim.arm import DOWN, SimArm
from armchair.sim.behaviours import BEHAVIOURS, FLANGE_HIGH, FLANGE_LOW, FREE, HOVER_M, Outcome
from armchair.sim.cameras import PLACEMENTS, STANDARD_PLACEMENT
from armchair.sim.droid_writer import (
    clean_leftovers,
    episode_path,
    existing_indices,
    write_episode,
)
from armchair.sim.engines import ENGINES
from armchair.sim.hands import HANDS
from armchair.sim.manifest import MANIFEST, Settings, claim
from armchair.sim.mix import MIXES, MixConfig, draw
from armchair.sim.randomise import LEVELS, Level, randomise
from armchair.sim.recorder import Recorder
from armchair.sim.scene import LEFT_CAMERA, RIGHT_CAMERA, WRIST_CAMERA, SceneConfig
from armchair.sim.shard import Shard

ROLE_STRIDE = {"train": 0, "validation": 1_000_000, "test": 2_000_000}
"""Added to an episode's index, so that roles never share a name or a folder entry."""
VIEWS = (LEFT_CAMERA, RIGHT_CAMERA, WRIST_CAMERA)
MOST_ROWS = int(SPACING.total_seconds()) * ROWS_PER_SECOND


@dataclass(frozen=True, kw_only=True)
class CollectConfig:
    """What to make. Raises ArmchairError naming the value that is out of range."""

    episodes: int = 100
    rows: int = 240
    """Rows per episode at 15 Hz: 240 are 16 s, or 60 model frames."""
    level: str = "light"
    role: str = "train"
    seed: int = 0
    mix: MixConfig = MIXES["reach"]
    cameras: tuple[str, ...] = (LEFT_CAMERA,)
    """Which of left, right and wrist are rendered."""
    placement: str = STANDARD_PLACEMENT
    """Where the left camera stands, a name of `armchair.sim.cameras.PLACEMENTS`."""
    camera_angle_deg: tuple[float, float] | None = None
    """Range of the left camera's angle; None keeps the placement's own, and the level's jitter."""
    gripper: str = "robotiq"
    mesh_keep: float | None = None
    """Share of visual mesh faces; None takes the scene's own."""

    def __post_init__(self) -> None:
        LEVELS[self.level], PLACEMENTS[self.placement], HANDS[self.gripper]
        self.scene(self.mix.objects[0][0])
        episode_seed(self.role, self.seed, 0)
        for name in self.cameras:
            if name not in VIEWS:
                raise UnknownNameError("camera", name, VIEWS)
        if LEFT_CAMERA not in self.cameras or len(set(self.cameras)) < len(self.cameras):
            raise BadValueError(
                f"cameras {' '.join(self.cameras)}: give left, which readers need, and each of "
                "right and wrist at most once."
            )
        if self.episodes < 1 or not 33 <= self.rows <= MOST_ROWS:
            raise BadValueError(
                f"episodes {self.episodes} and rows {self.rows}: give at least 1 episode of 33 (a "
                f"clip of 8 frames at 4 fps needs them) to {MOST_ROWS} rows (the next episode's "
                "clock begins then)."
            )

    def variety(self) -> Level:
        """Return the level, with the cameras' angles if they are asked for."""
        level = LEVELS[self.level]
        if self.camera_angle_deg is None:
            return level
        return dataclasses.replace(level, camera_angle_deg=self.camera_angle_deg)

    def scene(self, thing: str) -> SceneConfig:
        """Return the scene with an object of a name."""
        scene = SceneConfig(
            object=thing,
            gripper=self.gripper,
            left=PLACEMENTS[self.placement],
            variety=self.variety().varied,
        )
        if self.mesh_keep is None:
            return scene
        return dataclasses.replace(scene, mesh_keep=self.mesh_keep)

    def settings(self) -> Settings:
        """Return everything that decides what an episode looks like."""
        found = dataclasses.asdict(self)
        del found["episodes"]
        return found


def collect(
    config: CollectConfig,
    root: Path,
    workers: int = 1,
    *,
    shard: Shard = Shard(),  # noqa: B008  (frozen)
    engine: str = "local",
) -> Iterator[int]:
    """Write the missing episodes of a shard under `root`, yielding each index as it is complete.

    Raises ArmchairError when the folder was made with other settings, the disk is full or a worker
    dies; what was complete stays and is skipped next time.
    """
    work = ENGINES[engine]
    if workers < 0:
        raise BadValueError(f"workers {workers}: give 1 or more processes, or 0 for one per core.")
    if root.exists() and not root.is_dir():
        raise BadFileError(root, "is a file, not a folder", "Choose a folder to collect into.")
    root = root.absolute()
    new = claim(root, config.settings())
    clean_leftovers(root)
    todo = missing(config, root, shard)
    yield from sorted(set(shard.of(config.episodes)) - set(todo))
    try:
        yield from work(functools.partial(make_episode, config, root), todo, workers)
    finally:
        clean_leftovers(root)
        alone = shard == Shard()  # other shards may be at work in the folder
        if new and alone and not existing_indices(root):  # what made nothing claims nothing
            (root / MANIFEST).unlink(missing_ok=True)


def missing(config: CollectConfig, root: Path, shard: Shard = Shard()) -> list[int]:  # noqa: B008
    """Return the indices of a shard that are not complete under `root`."""
    offset, done = ROLE_STRIDE[config.role], existing_indices(root)
    return [index for index in shard.of(config.episodes) if offset + index not in done]


@functools.cache
def _arm(scene: SceneConfig) -> SimArm:
    return SimArm(scene)  # one compiled scene per object and one GL context each per process


def make_episode(config: CollectConfig, root: Path, index: int) -> int:
    """Simulate and write one episode; returns its index within the run."""
    rng = np.random.default_rng(episode_seed(config.role, config.seed, index))
    more = rng.spawn(1)[0]  # what the first model's data did not draw
    behaviour = draw(config.mix.behaviours, rng)
    thing = draw(config.mix.objects, more)
    level = config.variety()
    arm = _arm(config.scene(thing))
    arm.reset()
    randomise(arm, level, rng)
    _start(arm, behaviour, level, rng, more)
    recorder = Recorder(arm, config.cameras, level)
    outcome = BEHAVIOURS[behaviour](recorder, rng, config.rows)
    episode = recorder.episode(
        ROLE_STRIDE[config.role] + index,
        outcome.task,
        success=outcome.success,
        simulation=_about(config, index, behaviour, thing, outcome),
    )
    if not episode_path(root, episode.index, episode.success).exists():  # by another run, meanwhile
        write_episode(root, episode)
    return index


def _start(
    arm: SimArm,
    behaviour: str,
    level: Level,
    rng: np.random.Generator,
    more: np.random.Generator,
) -> None:
    """Bring the arm to where the episode starts, fingers open or anyhow."""
    place = rng.uniform(FLANGE_LOW, FLANGE_HIGH)
    if behaviour not in FREE:
        place[2] = max(place[2], HOVER_M)  # does not knock over what it is about to handle
    arm.command_rotation = euler_to_matrix(more.normal(0.0, 1.0, 3) * level.start_turn_rad) @ DOWN
    arm.drive_to(place, closed=float(rng.choice([0.0, rng.random()])))


def _about(
    config: CollectConfig, index: int, behaviour: str, thing: str, outcome: Outcome
) -> Simulation:
    """Return what DROID has no field for."""
    about: Simulation = {
        "behaviour": behaviour,
        "object": thing,
        "settled": float(outcome.settled),
        "level": config.level,
        "role": config.role,
        "seed": float(config.seed),
        "episode": float(index),
    }
    if outcome.goal is not None:
        about["goal_state"] = outcome.goal
    return about

"""Simulate random play and tasks, and write DROID-format episodes; resumable, parallel."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

if TYPE_CHECKING:
    from armchair.sim.mix import MixConfig


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of `armchair collect`."""

    out: Path = Path("data/play")
    """Folder that receives <LAB>/{success,failure}/<date>/<episode>/."""
    episodes: int = 100
    """How many episodes there shall be in the end; existing ones are kept and not made again."""
    rows: int = 240
    """Rows per episode at 15 Hz."""
    level: str = "light"
    """Variety: none, light or full."""
    mix: str = "reach"
    """What the arm does: reach (play, steps, reaches), tasks (objects handled as well), or, videos
    for pretrain and not for train, rearranged (objects stand elsewhere again and again) and uniform
    (hand, fingers and object glide along straight lines, for pretrain --uniform)."""
    behaviours: tuple[str, ...] = ()
    """A mix of your own, NAME=SHARE each, instead of the named one's: grasp=0.5 carry=0.5, of play,
    steps, reach, near, grasp, carry, place, push, gripper, recover, fingers, rearrange, glide and
    glide_fingers."""
    objects: tuple[str, ...] = ()
    """The same for what lies on the table: box=0.5 cup=0.5."""
    cameras: tuple[str, ...] = ("left",)
    """Which cameras are rendered: left, right, wrist."""
    placement: str = "elevated"
    """Where the left camera stands: elevated, which sees every direction about alike, or left,
    lower and nearer, where y is mostly depth."""
    camera_angle: tuple[float, float] | None = None
    """Range of the left camera's angle in degrees, 35 85 for the whole sweep; its own if unset."""
    gripper: str = "robotiq"
    """Hand: robotiq or panda."""
    mesh_keep: float | None = None
    """Share of the visual meshes' faces, above 0 to 1: fewer draw faster; the scene's if unset."""
    role: str = "train"
    """Which seeds: train, validation or test."""
    seed: int = 0
    """The same seed gives the same episodes."""
    shard: str = "1/1"
    """Which share of the episodes this machine makes: i/n, i from 1 to n."""
    engine: str = "local"
    """Who works: local (processes of this machine) or ray (a Ray cluster)."""
    workers: int = 0
    """Processes; 0 means one per core that may be used, of the whole cluster with ray."""


def run(config: Config) -> None:
    """Collect; raises ArmchairError on bad options, a folder of other episodes or a full disk."""
    from armchair.evaluation.provenance import usable_cores
    from armchair.sim.collect import CollectConfig, collect, missing
    from armchair.sim.shard import Shard

    plan = CollectConfig(
        episodes=config.episodes,
        rows=config.rows,
        level=config.level,
        role=config.role,
        seed=config.seed,
        mix=_mix(config),
        cameras=config.cameras,
        placement=config.placement,
        camera_angle_deg=config.camera_angle,
        gripper=config.gripper,
        mesh_keep=config.mesh_keep,
    )
    shard = Shard.parse(config.shard)
    workers = config.workers or (0 if config.engine == "ray" else usable_cores())
    started, there, new = time.perf_counter(), 0, len(missing(plan, config.out, shard))
    with Progress(
        TextColumn("collect"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    ) as progress:
        bar = progress.add_task("episodes", total=len(shard.of(config.episodes)))
        for _ in collect(plan, config.out, workers, shard=shard, engine=config.engine):
            there += 1
            progress.update(bar, completed=there)
    seconds = time.perf_counter() - started
    Console().print(_what_is_there(config.out))
    Console().print(
        f"{there} episodes of {config.rows} rows in {config.out}, {new} of them new: "
        f"{seconds:.0f} s, {new * config.rows / seconds:.0f} rows per second",
        soft_wrap=True,
    )


def _mix(config: Config) -> MixConfig:
    from armchair.sim.mix import MIXES, parse_shares

    mix = MIXES[config.mix]
    return replace(
        mix,
        behaviours=parse_shares(config.behaviours) or mix.behaviours,
        objects=parse_shares(config.objects) or mix.objects,
    )


def _what_is_there(root: Path) -> Table:
    """Return a table of everything in the folder, earlier runs and other shards included."""
    from armchair.sim.made import Made, made_under, total

    def cells(one: Made) -> list[str]:
        share = one.successes / one.episodes if one.episodes else 0.0
        return [
            f"{one.episodes}",
            f"{one.minutes:.1f}",
            f"{share:.0%}",
            f"{one.settled_share:.0%}",
        ]

    found = made_under(root)
    table = Table("behaviour", "object", "episodes", "minutes", "success", "in settled steps")
    for (behaviour, thing), one in found.items():
        table.add_row(behaviour, thing, *cells(one))
    table.add_section()
    table.add_row("all", "", *cells(total(found.values())))
    return table

"""Simulate random play and reaches, and write DROID-format episodes; resumable, parallel."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


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
    role: str = "train"
    """Which seeds: train, validation or test."""
    seed: int = 0
    """The same seed gives the same episodes."""
    workers: int = 0
    """Processes; 0 means one per core."""


def run(config: Config) -> None:
    """Collect; raises ArmchairError on bad options or a full disk."""
    from armchair.sim.collect import CollectConfig, collect

    plan = CollectConfig(
        episodes=config.episodes,
        rows=config.rows,
        level=config.level,
        role=config.role,
        seed=config.seed,
    )
    workers = config.workers or os.cpu_count() or 1
    console, started = Console(stderr=True), time.perf_counter()
    made = 0
    with Progress(
        TextColumn("collect"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
    ) as progress:
        bar = progress.add_task("episodes", total=config.episodes)
        for _ in collect(plan, config.out, workers):
            made += 1
            progress.update(bar, completed=made)
    seconds = time.perf_counter() - started
    rate = made * config.rows / seconds
    Console().print(
        f"{made} episodes of {config.rows} rows in {config.out}: {seconds:.0f} s, "
        f"{rate / workers:.0f} frames per second and process (existing episodes included)"
    )

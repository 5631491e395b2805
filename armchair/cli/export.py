"""Write a DROID-format folder as a LeRobotDataset v3, for training with other libraries."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import tyro
from rich.console import Console
from rich.progress import Progress

from armchair.export.lerobot import ExportConfig, export
from armchair.worldmodel.data.episodes import DroidEpisodes


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of `armchair export`."""

    folder: tyro.conf.Positional[Path]
    """Data folder, lab folder or one episode's folder; check it with `armchair inspect` first."""
    out: Path
    """Folder of the LeRobotDataset; must not exist. It appears when everything is written."""
    export: tyro.conf.OmitArgPrefixes[ExportConfig] = field(default_factory=ExportConfig)


def run(config: Config) -> None:
    """Export; raises ArmchairError for a damaged episode and leaves nothing behind then."""
    episodes = DroidEpisodes(config.folder)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("export", total=len(episodes))
        info = export(episodes, config.out, config.export, lambda: progress.advance(bar))
    cameras = ", ".join(name for name, entry in info["features"].items() if "info" in entry)
    Console().print(
        f"{config.out}: LeRobotDataset {info['codebase_version']}, {info['total_episodes']} "
        f"episodes, {info['total_frames']} frames at {info['fps']} Hz, {info['total_tasks']} "
        f"tasks; {cameras}",
        soft_wrap=True,
        highlight=False,
    )

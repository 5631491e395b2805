"""Time planning, rendering, loading and training on the processor, as ratios on one machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from armchair.cli._places import check_file
from armchair.errors import BadValueError


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of `armchair bench`."""

    only: tuple[str, ...] = ()
    """Benchmarks to run; by default all of action, collect, load, plan, plan-long, plan-window,
    render and train. time-to-energy runs only when named: half a minute per problem."""
    model: str = "default"
    """World model: a name (default is the shipped one), a folder, a .pt file of Meta's or a Hugging
    Face hub id."""
    planner: str = "cem"
    """Planner that `action` times; cem imagines equally many candidates each time."""
    repeats: int = 5
    """Timed runs of each; the median counts."""
    mesh_keep: float | None = None
    """Share of mesh faces in the frames that render counts, above 0 to 1; 0.2 if unset."""
    problems: int = 50
    """Pairs of frames of `time-to-energy`."""
    episodes: Path | None = None
    """Folder of DROID-format episodes that those pairs come from; simulated ones without."""
    contenders: tuple[str, ...] = ()
    """Planners that race in `time-to-energy`, as name or name:option=value,option=value."""
    out: Path | None = None
    """File for the figures as JSON."""

    def __post_init__(self) -> None:
        check_file("--out", self.out)
        if "time-to-energy" not in self.only and (self.contenders or self.episodes):
            raise BadValueError(
                "--contenders and --episodes are of time-to-energy; add it to --only."
            )
        if self.repeats < 1 or self.problems < 1:
            raise BadValueError(
                f"--repeats {self.repeats} and --problems {self.problems} must both be 1 or more."
            )


def run(config: Config) -> None:
    """Time what is asked for, print a table and write the figures."""
    from armchair.bench import (  # noqa: F401  (they register themselves)
        learning,
        loading,
        planning,
        reaching,
        simulation,
        training,
    )
    from armchair.bench.measurement import BENCHMARKS, BenchSetting
    from armchair.evaluation.provenance import code_version, processor
    from armchair.planners import load_planner
    from armchair.worldmodel.data.episodes import DroidEpisodes
    from armchair.worldmodel.model import WorldModel
    from armchair.worldmodel.optimisation import atomic

    names = config.only or tuple(name for name in BENCHMARKS if name != "time-to-energy")
    benchmarks = {name: BENCHMARKS[name] for name in names}
    for entry in config.contenders:
        reaching.contender(entry)  # refuses before anything is timed
    if config.episodes is not None:
        DroidEpisodes(config.episodes)  # alike
    setting = BenchSetting(
        model=WorldModel.from_pretrained(config.model),
        planner=load_planner(config.planner),
        repeats=config.repeats,
        problems=config.problems,
        episodes=config.episodes,
        contenders=config.contenders,
        mesh_keep=config.mesh_keep,
    )
    table = Table("", "seconds", "per second", "ratio", box=None)
    lines: list[str] = []
    figures: dict[str, object] = {}
    page = {"code": code_version(), "cpu": processor(), "benchmarks": figures}
    for name in track(benchmarks, "bench", console=Console(stderr=True), transient=True):
        found = benchmarks[name](setting)
        numbers = [f"{found.seconds:.3g}", f"{found.per_second:.3g}", f"{found.ratio:.3g}"]
        table.add_row(name, *numbers)
        lines += ["", f"{name}: {found.what}; ratio to {found.against}"]
        lines += [f"  {figure.replace('_', ' ')}: {v:.3g}" for figure, v in found.figures.items()]
        figures[name] = {**vars(found), "ratio": found.ratio}
        if config.out is not None:
            config.out.parent.mkdir(parents=True, exist_ok=True)
            atomic.write_json(config.out, page)
    console = Console()
    console.print(table)
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)

"""Put reports of several planners side by side, with exact McNemar tests between them.

Takes folders of `armchair evaluate` on the same role, level and seed. Prints rates and tests and
writes compare.md, with the layouts of the paper's tables 2 and 3, and compare.json into --out.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from armchair.cli._places import check_folder
from armchair.errors import BadValueError


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of `armchair compare`."""

    reports: tuple[Path, ...]
    """Two or more folders with a report.json, or such files."""
    against: str | None = None
    """Test this planner against each other alone, by its name in the page; every two unless set."""
    out: Path = Path("runs/compare")
    """Folder for compare.md and compare.json; files of these names are replaced."""

    def __post_init__(self) -> None:
        check_folder("--out", self.out)
        if len(self.reports) < 2:
            raise BadValueError(f"--reports names {len(self.reports)} report; give two or more.")


def run(config: Config) -> None:
    """Compare, write the page and the numbers, show the tests."""
    from armchair.evaluation.comparison import (
        PAIRED,
        other_episodes,
        pairings,
        pairings_table,
        rates_table,
        read_reports,
        unlike,
    )
    from armchair.evaluation.paper_tables import paper_tables
    from armchair.worldmodel.optimisation import atomic

    reports = read_reports(config.reports)
    found = pairings(reports, config.against)
    if not found:
        who = f"{config.against} and the others" if config.against else "the reports"
        raise BadValueError(f"{who} have no episode of any task in common.")
    rates, tests = rates_table(reports), pairings_table(found)
    others = other_episodes(reports)
    warnings = [*others, *unlike(reports)]
    shared = {key: reports[0].content[key] for key in PAIRED}
    where = ", ".join(f"{key} {value}" for key, value in shared.items())
    same = "" if others else "; of each task the same episodes for all who played it"
    page = "\n\n".join(
        [
            "# Planners side by side",
            f"Simulation, {where}{same}.",
            rates,
            "A low p says that the difference is hard to explain by chance; "
            "it is not corrected for the number of tests. Evaluations per action are what the "
            "first and the second spent.",
            *warnings,
            tests,
            paper_tables({report.name: report.content for report in reports}),
        ]
    )
    config.out.mkdir(parents=True, exist_ok=True)
    (config.out / "compare.md").write_text(f"{page}\n", "utf-8")
    mcnemar = [asdict(pairing) for pairing in found]
    numbers = {"version": 1, **shared, "unlike": warnings, "mcnemar": mcnemar}
    atomic.write_json(config.out / "compare.json", numbers)
    console = Console()
    for line in warnings:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    console.print(f"{rates}\n", markup=False, highlight=False, soft_wrap=True)
    console.print(tests, markup=False, highlight=False, soft_wrap=True)
    console.print(f"compare.md and compare.json are in {config.out}", soft_wrap=True)

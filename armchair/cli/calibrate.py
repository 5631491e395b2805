"""Compare inferred with real actions over camera positions; find the turn that mends them.

Appendix B.4 of the V-JEPA 2 paper: at each camera angle a random walk in the horizontal plane, the
action that the model infers between every two frames, the least-squares map to the real one, its
condition number and rotation. Writes calibrate.md, calibrate.json and calibrate.png (figure 16)
into --out. With --episodes the rotation is applied in closed loop, and reaches with and without it
are counted.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from armchair.cli._places import check_folder
from armchair.errors import BadValueError


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of `armchair calibrate`."""

    angles: tuple[float, ...] = (35.0, 45.0, 55.0, 65.0, 75.0, 85.0)
    """Camera positions in degrees, clockwise about the table: 0 robot base, 90 its left."""
    steps: int = 201
    """Moments of each walk; one pair fewer."""
    episodes: int = 0
    """Reaches per angle as inferred, and as many turned by the calibration; 0 plays none."""
    planner: str = "cem"
    """Planner that infers the actions; cem looks one action ahead, and two frames are one apart."""
    planner_options: tuple[str, ...] = ()
    """Planner settings to change, as name=value."""
    model: str = "default"
    """World model: a name (default is the shipped one), a folder, a .pt file of Meta's, a Hugging
    Face hub id, or a plug-in's name."""
    level: str = "none"
    """Randomisation of the scene: none, light or full; jitter of the camera adds to the angle."""
    seed: int = 0
    """Seed of the walk, the planner and the reaches."""
    out: Path = Path("runs/calibrate")
    """Folder for the page, the figure and the numbers; files of these names are replaced."""

    def __post_init__(self) -> None:
        check_folder("--out", self.out)
        if self.seed < 0:
            raise BadValueError(f"--seed is {self.seed}, expected 0 or more.")


def run(config: Config) -> None:
    """Sweep, write page, figure and numbers, show the page."""
    from armchair.evaluation.calibration_page import draw, page, to_dict
    from armchair.evaluation.camera_sweep import AngleResult, Sweep, sweep
    from armchair.evaluation.contestants import Entry, load_entrant
    from armchair.evaluation.models import load_world_model
    from armchair.evaluation.provenance import code_version
    from armchair.evaluation.run import planner_settings
    from armchair.worldmodel.optimisation import atomic

    settings = Sweep(
        angles=config.angles,
        steps=config.steps,
        level=config.level,
        seed=config.seed,
        episodes=config.episodes,
    )
    planner = load_entrant(config.planner, config.planner_options)
    named = load_world_model(config.model)
    console = Console(stderr=True)

    done: list[AngleResult] = []
    about: dict[str, Any] = {"version": 1, "model": named.name, "model_sha256": named.sha256}
    about |= {"code": code_version(), "planner": planner_settings(config.planner, planner, 1)}
    about |= {"sweep": asdict(settings)}
    config.out.mkdir(parents=True, exist_ok=True)

    def tell(result: AngleResult) -> None:
        found = result.calibration
        rotation = "mirrored" if found.mirrored else f"rotation {found.rotation_deg:+.1f}°"
        console.print(f"{result.angle_deg:.0f}°: {rotation}")
        done.append(result)
        (config.out / "calibrate.md").write_text(page(done), "utf-8")
        draw(config.out / "calibrate.png", done)
        atomic.write_json(config.out / "calibrate.json", {**about, **to_dict(done)})

    sweep(Entry(model=named.model, planner=planner, seed=config.seed), settings, tell)
    Console().print(page(done), markup=False, highlight=False, soft_wrap=True)

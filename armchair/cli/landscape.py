"""Draw the energy over two action axes, as a picture and as numbers.

Takes two frames one action apart (a simulated move, a saved pair, two rows of a logged episode),
imagines every action of a grid from the first and scores it against the second. Writes
NAME-AXIS-AXIS.png, .npz and .json into --out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.console import Console

from armchair.cli._places import check_folder
from armchair.errors import BadValueError

if TYPE_CHECKING:  # heavy: torch and the simulator load when the verb runs, not for --help
    from armchair.evaluation.episode import Scene
    from armchair.evaluation.landscape import Landscape, LandscapeConfig
    from armchair.evaluation.models import NamedModel
    from armchair.evaluation.pairs import FramePair


SIMULATED = ("task", "seed", "episode", "level")
PLAYED = ("planner", "planner_options")
"""Options of simulated scenes, and of an episode that is played there."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of `armchair landscape`."""

    task: str = "reach"
    """Task in whose simulated scene one random move is made, or that --film plays: reach,
    grasp-cup, grasp-box, reach-with-cup, reach-with-box, pick-place-cup, pick-place-box."""
    pair: str | None = None
    """Nothing simulated: an .npz of two frames and states, or franka: the real arm's pair that
    comes along."""
    logged: Path | None = None
    """Nothing simulated: folder of one logged episode in DROID format; its --rows are the two
    frames."""
    rows: tuple[int, int] = (0, 4)
    """Rows of the logged episode at 15 Hz, 0 the first: where the action starts, and the goal."""
    axes: tuple[str, str] = ("x", "z")
    """Two of x y z (metres), roll pitch yaw (radians), gripper (closedness)."""
    grid: int = 21
    """Points along each axis, from -r to r with r = max(0.10, 1.3 x the true value)."""
    others: Literal["true", "zero"] = "true"
    """Where the other entries are held: their true values, or zero as in the paper's figure 9."""
    horizon: int = 1
    """Equal model steps in which every action of the grid is taken."""
    film: int = 0
    """Play so many steps of the simulated task (or take so many moments between the --rows of the
    logged episode) and write NAME-AXIS-AXIS.mp4, a landscape at each, with its figures as .json; 0
    is one still picture."""
    planner: str = "cem-waypoint"
    """Planner that plays the simulated episode of --film."""
    planner_options: tuple[str, ...] = ()
    """That planner's settings to change, as name=value."""
    model: str = "default"
    """World model: a name (default is the shipped one), a folder, a .pt file of Meta's, a Hugging
    Face hub id, or a plug-in's name."""
    out: Path = Path("runs/landscape")
    """Folder for the picture and the numbers; files of the same name are replaced."""
    seed: int = 0
    """Seed of the simulated scene and its move."""
    episode: int = 0
    """Which simulated scene of the validation role."""
    level: str = "light"
    """Randomisation of the simulated scene: none, light or full."""

    def __post_init__(self) -> None:
        check_folder("--out", self.out)
        if self.logged is None and self.rows != Config.rows:
            raise BadValueError("--rows are of a logged episode; give its folder as --logged.")
        if self.rows[0] == self.rows[1]:
            raise BadValueError(f"--rows are {self.rows[0]} twice; give two different ones.")
        if self.film < 0:
            raise BadValueError(f"--film is {self.film}, expected a number of steps, or 0.")
        if self.film and self.pair is not None:
            raise BadValueError("--film is of an episode: leave out --pair.")
        if self.logged is not None and self.pair is not None:
            raise BadValueError("--logged and --pair both name the frames: leave one out.")
        given = [name for name in ("logged", "pair") if getattr(self, name) is not None]
        for name in SIMULATED if given else ():
            if getattr(self, name) != getattr(Config, name):
                raise BadValueError(f"--{name} is of simulated scenes: leave out --{given[0]}.")
        for name in PLAYED if self.logged is not None or not self.film else ():
            if getattr(self, name) != getattr(Config, name):
                option = name.replace("_", "-")
                raise BadValueError(
                    f"--{option} is of the episode that --film plays in simulation: "
                    + ("leave out --logged." if given else "give --film, too.")
                )
        if self.seed < 0 or self.episode < 0:
            raise BadValueError(
                f"--seed {self.seed} and --episode {self.episode} must both be 0 or more."
            )


def run(config: Config) -> None:
    """Compute the landscape, write picture and numbers, say where the minimum is."""
    from armchair.evaluation.landscape import LandscapeConfig, compute
    from armchair.evaluation.landscape_picture import draw
    from armchair.evaluation.models import load_world_model
    from armchair.evaluation.tasks import check_tasks

    check_tasks([config.task])
    settings = LandscapeConfig(
        axes=config.axes, grid=config.grid, others=config.others, horizon=config.horizon
    )
    named = load_world_model(config.model)
    if config.film:
        _film(config, settings, named)
        return
    pair = _pair(config)
    console = Console()
    with console.status(f"imagining {config.grid**2} actions"):
        landscape = compute(named.model, pair, settings)
    stem = config.out / f"{pair.name}-{'-'.join(config.axes)}"
    draw(stem.with_suffix(".png"), landscape, pair, f"{pair.name} · model {config.model}")
    _write_numbers(stem, landscape, {"pair": pair.name, **_source(config)}, named)
    console.print(f"{_summary(landscape)}{stem}.png, .npz and .json written", soft_wrap=True)


def _film(config: Config, settings: LandscapeConfig, named: NamedModel) -> None:
    from armchair.evaluation.contestants import load_entrant
    from armchair.evaluation.landscape_film import figures_of, film, moments
    from armchair.evaluation.logged_pairs import logged_moments
    from armchair.evaluation.provenance import code_version
    from armchair.evaluation.run import planner_settings
    from armchair.planners import RecedingHorizonAgent

    console, played = Console(), {}
    if config.logged is not None:
        pairs = logged_moments(config.logged, config.rows, config.film)
        name = f"{config.logged.name.replace(':', '-')}-{config.rows[0]}-{config.rows[1]}"
    else:
        scene = _scene(config)
        planner = load_entrant(config.planner, config.planner_options)
        played = {"planner": planner_settings(config.planner, planner, 1)}
        agent = RecedingHorizonAgent(named.model, planner, scene.policy_seed())
        pairs = moments(scene, agent, config.film, config.task)
        name = f"{config.task}-{config.seed}-{config.episode}"
    stem = config.out / f"{name}-{'-'.join(config.axes)}"
    with console.status(f"imagining {config.grid**2} actions at {config.film} steps"):
        landscapes, stopped = film(stem.with_suffix(".mp4"), named.model, pairs, settings)
    numbers = {"version": 1, "model": named.name, "model_sha256": named.sha256}
    about = {"code": code_version(), **_source(config), **played}
    page = {**numbers, **about, **figures_of(landscapes)}
    text = json.dumps(page, indent=1, allow_nan=False)
    stem.with_suffix(".json").write_text(f"{text}\n", "utf-8")
    for step, landscape in enumerate(landscapes):
        console.print(f"step {step}: {landscape.in_words()}")
    if stopped is not None:
        console.print(f"the film ends before step {len(landscapes)}: {stopped}", soft_wrap=True)
    console.print(f"{stem}.mp4 and .json written", soft_wrap=True)


def _scene(config: Config) -> Scene:
    from armchair.evaluation.episode import Scene

    return Scene(role="validation", seed=config.seed, episode=config.episode, level=config.level)


def _source(config: Config) -> dict[str, object]:
    """Return where the frames come from, JSON-ready."""
    if config.logged is not None:
        return {"logged": str(config.logged), "rows": list(config.rows)}
    if config.pair is not None:
        return {"source": config.pair}
    return {name: getattr(config, name) for name in SIMULATED}


def _pair(config: Config) -> FramePair:
    from armchair.evaluation.logged_pairs import logged_pair
    from armchair.evaluation.pairs import load_pair, simulated_pair

    if config.logged is not None:
        return logged_pair(config.logged, config.rows)
    if config.pair is not None:
        return load_pair(config.pair)
    return simulated_pair(_scene(config), config.task)


def _write_numbers(
    stem: Path, landscape: Landscape, about: dict[str, object], named: NamedModel
) -> None:
    import numpy as np

    from armchair.evaluation.provenance import code_version

    numbers = {
        "version": 1,
        **about,
        "model": named.name,
        "model_sha256": named.sha256,
        "code": code_version(),
        **landscape.to_dict(),
    }
    text = json.dumps(numbers, indent=1, allow_nan=False)
    stem.with_suffix(".json").write_text(f"{text}\n", "utf-8")
    np.savez_compressed(
        stem.with_suffix(".npz"),
        axes=np.array(landscape.config.axes),
        values=np.stack(landscape.values),
        energies=landscape.energies,
        true_action=landscape.true_action,
        minimum_action=landscape.minimum_action,
    )


def _summary(landscape: Landscape) -> str:
    if landscape.flat:
        return f"  {landscape.in_words()}\n"
    lines = [
        f"{axis:>8}: true {landscape.true_action[column]:+.3f}, "
        f"minimum {landscape.minimum_action[column]:+.3f}"
        for axis, column in zip(landscape.config.axes, landscape.config.columns, strict=True)
    ]
    if landscape.offset_m is not None:
        lines.append(f"  offset: {100 * landscape.offset_m:.1f} cm")
    figures = landscape.figures()
    lines.append(
        f"  convexity: {figures['convexity']:.2f} (1 is a bowl), {figures['local_minima']} local "
        f"minima, rank correlation with the distance to the truth {figures['rank_correlation']:.2f}"
    )
    return "\n".join(lines) + "\n"

"""Watch an episode live: frame, goal, energy and the chosen action.

In a window where there is a display; else as an MP4 that grows while the episode runs, and that
players open before it ends. Counts for nothing: `armchair evaluate` makes reports.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from armchair.cli._places import check_folder
from armchair.errors import BadValueError


@dataclass(frozen=True, kw_only=True)
class Config:
    """Options of `armchair watch`."""

    task: str = "reach"
    """Task to play: reach, grasp-cup, grasp-box, reach-with-cup, reach-with-box, pick-place-cup or
    pick-place-box."""
    planner: str = "cem-waypoint"
    """Planner, or a plug-in's name."""
    planner_options: tuple[str, ...] = ()
    """Planner settings to change, as name=value."""
    model: str = "default"
    """World model: a name (default is the shipped one), a folder, a .pt file of Meta's, a Hugging
    Face hub id, or a plug-in's name."""
    context_frames: int = 1
    """Moments of the episode that the planner shows the world model, the present one included; a
    model looks back on no more than the context_frames of its config.json, whatever is shown."""
    seed: int = 0
    """Seed of the scene, of role validation."""
    episode: int = 0
    """Which episode of that seed."""
    level: str = "light"
    """Randomisation of the scene: none, light or full."""
    window: bool = True
    """Use a window where one can be opened; --no-window always writes the film."""
    out: Path = Path("runs/watch")
    """Folder for the film, TASK-SEED-EPISODE.mp4; a file of that name is replaced."""

    def __post_init__(self) -> None:
        check_folder("--out", self.out)
        if self.context_frames < 1:
            raise BadValueError(f"--context-frames is {self.context_frames}, expected 1 or more.")
        if self.seed < 0 or self.episode < 0:
            raise BadValueError(
                f"--seed {self.seed} and --episode {self.episode} must both be 0 or more."
            )


def run(config: Config) -> None:
    """Play and show one episode, and say how it ended."""
    from armchair.evaluation.contestants import Contestant, Entry, load_entrant
    from armchair.evaluation.episode import Scene, play
    from armchair.evaluation.models import load_world_model
    from armchair.evaluation.screens import FilmScreen, open_screen
    from armchair.evaluation.tasks import TASKS
    from armchair.evaluation.watching import Panel, WatchedPolicy

    task = TASKS[config.task]
    planner = load_entrant(config.planner, config.planner_options)
    scene = Scene(role="validation", seed=config.seed, episode=config.episode, level=config.level)
    model = load_world_model(config.model).model
    entry = Entry(model=model, planner=planner, context_frames=config.context_frames)
    path = config.out / f"{config.task}-{config.seed}-{config.episode}.mp4"
    title = f"{config.task} · {config.planner} · episode {config.episode}"
    console = Console()
    # an earlier film goes when its screen opens: by then every option is found good
    with (
        closing(task.make_env()) as env,
        closing(open_screen(path, window=config.window)) as screen,
    ):
        if isinstance(screen, FilmScreen):
            console.print(f"{path} grows while the episode runs", soft_wrap=True)
        panel = Panel(screen.figure, title, entry.bounds.limits().numpy())

        def watched(seed: int) -> WatchedPolicy:
            return WatchedPolicy(entry.agent(seed), panel, screen.show)

        trace = play(env, task, scene, Contestant(name="watched", make=watched))
        words = _ending(trace)
        panel.end(trace.frames[-1], words)
        screen.show()
    console.print(words, soft_wrap=True)


def _ending(trace: Any) -> str:
    if trace.stopped is not None:
        return f"stopped: {trace.stopped}"
    verdict = trace.verdict
    end = "success" if verdict.success else "no success"
    return f"end · {end}: {100 * verdict.final_distance_m:.1f} cm from the goal"

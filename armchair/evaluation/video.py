"""One MP4 per episode: what the robot saw, what it should see, and how the energy fell."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from armchair.evaluation.episode import Trace
from armchair.evaluation.film import write_film
from armchair.evaluation.verdicts import SUCCESS_M

SECONDS_PER_STEP = 0.5
END_SECONDS = 1.5
VIDEO_FPS = 4
SIZE_INCHES = (9.6, 3.6)
DOTS_PER_INCH = 100  # 960 x 360: both even, as H.264 wants

SEEN, IMAGINED, DISTANCE = "#1f5fa8", "#e07b39", "#5b5b5b"


def write_video(path: Path, trace: Trace, switch_steps: Sequence[int], title: str) -> None:
    """Write the episode as an MP4 of 960x360 pixels, half a second a step, folder included."""
    panel = _Panel(trace, switch_steps, title)
    pictures: list[NDArray[np.uint8]] = []
    for step in range(len(trace.frames)):
        seconds = END_SECONDS if step == len(trace.frames) - 1 else SECONDS_PER_STEP
        pictures += [panel.draw(step)] * round(seconds * VIDEO_FPS)
    write_film(path, pictures, VIDEO_FPS)


class _Panel:
    """One figure, drawn anew for every step."""

    def __init__(self, trace: Trace, switch_steps: Sequence[int], title: str) -> None:
        self._trace, self._switch_steps, self._title = trace, switch_steps, title
        self._figure: Any = Figure(figsize=SIZE_INCHES, dpi=DOTS_PER_INCH)
        self._canvas: Any = FigureCanvasAgg(self._figure)
        grid = self._figure.add_gridspec(
            1, 3, width_ratios=(1, 1, 1.25), left=0.01, right=0.93, top=0.83, bottom=0.2, wspace=0.1
        )
        seen, goal, curve = (self._figure.add_subplot(grid[0, i]) for i in range(3))
        self._seen = _show(seen, trace.frames[0], "observation")
        self._goal = _show(goal, trace.goals[0].frame, "goal image")
        self._caption = self._figure.text(0.012, 0.05, "", fontsize=10, family="monospace")
        self._figure.text(0.012, 0.93, title, fontsize=11, weight="bold")
        self._moving = _curves(curve, trace)

    def draw(self, step: int) -> NDArray[np.uint8]:
        """Return the picture (360, 960, 3) after `step` actions."""
        trace = self._trace
        self._seen.set_data(trace.frames[step])
        goal = sum(step >= switch for switch in self._switch_steps)
        self._goal.set_data(trace.goals[goal].frame)
        for line, xs, ys in self._moving:
            line.set_data(xs[: step + 1], ys[: step + 1])
        self._caption.set_text(_caption(trace, step))
        self._canvas.draw()
        return np.array(self._canvas.buffer_rgba(), dtype=np.uint8)[..., :3]


def _show(axes: Any, picture: NDArray[np.uint8], title: str) -> Any:
    axes.set_title(title, fontsize=10)
    axes.set_axis_off()
    return axes.imshow(picture)


def _curves(axes: Any, trace: Trace) -> list[tuple[Any, list[float], list[float]]]:
    """Set up energy (left scale) and distance (right scale) over steps; return the moving lines."""
    steps = [float(step) for step in range(len(trace.frames))]
    seen = [d.energy for d in trace.decisions if d.energy is not None]
    imagined = [d.plan.energy for d in trace.decisions if d.plan is not None]
    moving = []
    for values, first, colour, style, label in (
        (seen, 0, SEEN, "o-", "energy of the frame"),
        (imagined, 1, IMAGINED, "D:", "imagined, after the action"),
    ):
        xs = steps[first : first + len(values)]
        (line,) = axes.plot([], [], style, color=colour, markersize=3, label=label)
        # an imagined value belongs to the frame after the action: pad so that slices line up
        moving.append((line, [float("nan")] * first + xs, [float("nan")] * first + values))
    right = axes.twinx()
    (line,) = right.plot([], [], "s--", color=DISTANCE, markersize=3, label="distance to goal")
    moving.append((line, steps, [100 * distance for distance in trace.distances_m]))
    _scale(axes, right, trace, [*seen, *imagined])
    lines = [entry[0] for entry in moving]
    axes.legend(
        lines, [entry.get_label() for entry in lines], fontsize=7, loc="upper right", framealpha=0.6
    )
    return moving


def _scale(axes: Any, right: Any, trace: Trace, energies: list[float]) -> None:
    axes.set_xlim(-0.3, len(trace.decisions) + 0.3)
    axes.set_xlabel("step", fontsize=9)
    axes.set_title("energy, and distance in cm (right)", fontsize=10)
    if energies:
        low, high = min(energies), max(energies)
        margin = max(0.1 * (high - low), 1e-6)
        axes.set_ylim(low - margin, high + 3 * margin)
    right.axhline(100 * SUCCESS_M, color=DISTANCE, linewidth=0.6, linestyle=":")
    right.set_ylim(0, 110 * max(*trace.distances_m, SUCCESS_M))
    axes.tick_params(labelsize=8)
    right.tick_params(labelsize=8)


def _caption(trace: Trace, step: int) -> str:
    """Return the line of text under the pictures."""
    distance = f"distance {100 * trace.distances_m[step]:5.1f} cm"
    if step == len(trace.decisions):
        verdict = trace.verdict
        end = "success" if verdict.success else "no success"
        return f"end · {end}: {100 * verdict.final_distance_m:.1f} cm after 1 s at rest"
    x, y, z = (100 * value for value in trace.decisions[step].action[:3])
    seconds = trace.decisions[step].seconds
    move = f"next action x {x:+5.1f} y {y:+5.1f} z {z:+5.1f} cm"
    return f"step {step:2d} · {distance} · {move} · planned in {seconds:.2f} s"

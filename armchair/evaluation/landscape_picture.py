"""The landscape as a picture: energy with truth and minimum marked, both frames beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from armchair.evaluation.landscape import UNITS, Landscape
from armchair.evaluation.pairs import FramePair
from armchair.planners.bounds import TRANSLATION_LIMIT_M

CONTOURS = 12


def draw(path: Path, landscape: Landscape, pair: FramePair, title: str) -> None:
    """Write a PNG of 1100x620 pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure_of(landscape, pair, title).savefig(path)


def figure_of(landscape: Landscape, pair: FramePair, title: str) -> Figure:
    """Return the figure, 1100x620 pixels."""
    figure: Any = Figure(figsize=(11.0, 6.2), dpi=100)
    grid = figure.add_gridspec(
        2, 2, width_ratios=(2.1, 1), left=0.08, right=0.98, top=0.85, bottom=0.1, wspace=0.08
    )
    _energy(figure, figure.add_subplot(grid[:, 0]), landscape)
    for row, (seen, name) in enumerate(((pair.before, "now"), (pair.after, "goal image"))):
        axes = figure.add_subplot(grid[row, 1])
        axes.imshow(seen.frame)
        axes.set_title(name, fontsize=10)
        axes.set_axis_off()
    figure.text(0.02, 0.955, title, fontsize=12, weight="bold")
    figure.text(0.02, 0.915, _caption(landscape), fontsize=8.5)
    drawn: Figure = figure
    return drawn


def _energy(figure: Any, axes: Any, landscape: Landscape) -> None:
    first, second = landscape.values
    energies = landscape.energies.T  # rows are the vertical axis
    surface = axes.pcolormesh(first, second, energies, shading="nearest", cmap="viridis")
    figure.colorbar(surface, ax=axes, label="energy: mean |imagined - goal| (eq. 5)", pad=0.02)
    columns = landscape.config.columns
    mark = {"markersize": 15, "markeredgecolor": "black", "linestyle": "none", "zorder": 3}
    truth, minimum = landscape.true_action, landscape.minimum_action
    axes.plot(*truth[list(columns)], "*", color="#ff5a36", label="true action", **mark)
    if not landscape.flat:
        lines: dict[str, Any] = {"colors": "white", "linewidths": 0.5, "alpha": 0.5}
        axes.contour(first, second, energies, levels=CONTOURS, **lines)
        mark["markersize"] = 10
        axes.plot(*minimum[list(columns)], "o", color="#ffd23f", label="minimum", **mark)
    if max(columns) < 3:
        _bounds(axes, landscape.config.horizon)
        axes.set_aspect("equal")
    labels = [
        f"Δ{AXIS} ({UNITS[c]})" for AXIS, c in zip(landscape.config.axes, columns, strict=True)
    ]
    axes.locator_params(nbins=7)
    axes.set_xlabel(labels[0])
    axes.set_ylabel(labels[1])
    place = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0), "ncols": 3}
    axes.legend(fontsize=9, facecolor="#8a8a8a", labelcolor="white", **place)


def _bounds(axes: Any, horizon: int) -> None:
    """Draw the box that planners stay in, in so many steps; the view stays as wide as the grid."""
    reach = horizon * TRANSLATION_LIMIT_M
    style: dict[str, Any] = {
        "fill": False,
        "edgecolor": "white",
        "linestyle": "--",
        "label": f"planners' bounds, ±{100 * reach:g} cm",
    }
    view = axes.axis()
    axes.add_patch(Rectangle((-reach, -reach), 2 * reach, 2 * reach, **style))
    axes.axis(view)


def _caption(landscape: Landscape) -> str:
    columns = landscape.config.columns
    minima = [f", minimum {landscape.minimum_action[c]:+.3f}" for c in columns]
    if landscape.flat:
        minima = [""] * len(columns)
    parts = [
        f"Δ{axis}: true {landscape.true_action[c]:+.3f}{minimum} {UNITS[c]}"
        for axis, c, minimum in zip(landscape.config.axes, columns, minima, strict=True)
    ]
    parts.append(landscape.in_words())
    if landscape.config.horizon > 1:
        parts.append(f"in {landscape.config.horizon} steps")
    held = "at their true values" if landscape.config.others == "true" else "at zero"
    return f"{'; '.join(parts)}. Other entries {held}."

"""The sweep for people and machines: a table, figure 16 of the paper, and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from armchair.evaluation.camera_sweep import AngleResult
from armchair.evaluation.markdown import table
from armchair.evaluation.statistics import mcnemar_exact

HEADS = [
    "camera °",
    "pairs",
    "rotation °",
    "condition",
    "error cm",
    "after the turn cm",
    "after W* cm",
    "step cm",
    "reached",
    "reached, turned",
]


def page(results: Sequence[AngleResult]) -> str:
    """Return the sweep as Markdown."""
    rows = [_row(result) for result in results]
    parts = [
        "# Sensitivity to the camera's position (appendix B.4)",
        "Inferred against real actions of a random walk in the horizontal plane. W* maps one to "
        "the other by least squares; its nearest rotation is the turn.",
        table(HEADS, rows),
    ]
    if (slope := slope_per_degree(results)) is not None:
        parts.append(f"Rotation error per degree of camera angle: {slope:.2f}.")
    if mirrored := [f"{r.angle_deg:.0f}°" for r in results if r.calibration.mirrored]:
        parts.append(
            f"Mirrored at {', '.join(mirrored)}: W* turns the plane over, which no rotation mends. "
            "These angles are left out of the slope and of the figure."
        )
    if dropped := [f"{r.dropped} at {r.angle_deg:.0f}°" for r in results if r.dropped]:
        parts.append(f"Pairs left out because the model imagined no number: {', '.join(dropped)}.")
    if results and results[0].plain:
        plain = [outcome.success for result in results for outcome in result.plain]
        turned = [outcome.success for result in results for outcome in result.turned]
        gained = sum(t and not p for p, t in zip(plain, turned, strict=True))
        lost = sum(p and not t for p, t in zip(plain, turned, strict=True))
        parts.append(
            f"Closed loop, all angles: {sum(plain)}/{len(plain)} as inferred, "
            f"{sum(turned)}/{len(turned)} turned; {gained} gained, {lost} lost, exact McNemar p = "
            f"{mcnemar_exact(gained, lost):.3g} (indicative: every angle has the same scenes)."
        )
    return "\n\n".join(parts) + "\n"


def slope_per_degree(results: Sequence[AngleResult]) -> float | None:
    """Return the least-squares slope of rotation error over camera angle, or None below two angles
    that are not mirrored."""
    turned = [result for result in results if not result.calibration.mirrored]
    if len({result.angle_deg for result in turned}) < 2:
        return None
    angles = [result.angle_deg for result in turned]
    errors = np.unwrap([result.calibration.rotation_deg for result in turned], period=360.0)
    return float(np.polyfit(angles, errors, 1)[0])


def _row(result: AngleResult) -> list[str]:
    c = result.calibration
    rotation = "mirrored" if c.mirrored else f"{c.rotation_deg:+.1f}"
    lengths = (c.error_m, c.turned_error_m, c.fitted_error_m, c.real_step_m)
    reached = [
        f"{sum(o.success for o in outcomes)}/{len(outcomes)}" if outcomes else "–"
        for outcomes in (result.plain, result.turned)
    ]
    figures = [f"{result.angle_deg:.0f}", str(c.pairs), rotation, f"{c.condition:.2f}"]
    return [*figures, *(f"{100 * length:.1f}" for length in lengths), *reached]


def draw(path: Path, results: Sequence[AngleResult]) -> None:
    """Write figure 16: rotation error over camera angle, where it means something."""
    figure: Any = Figure(figsize=(6.4, 4.0), dpi=110)
    axes = figure.subplots()
    turned = [result for result in results if not result.calibration.mirrored]
    angles = [result.angle_deg for result in turned]
    axes.plot(angles, [result.calibration.rotation_deg for result in turned], "o-")
    axes.axhline(0.0, color="#888888", linewidth=0.8)
    axes.set_xlabel("camera position (degrees about the table, 0 = robot base, 90 = left)")
    axes.set_ylabel("rotation error in x–y (degrees)")
    axes.set_title("Rotation of inferred actions against camera position", fontsize=10)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def to_dict(results: Sequence[AngleResult]) -> dict[str, Any]:
    """Return the sweep JSON-ready."""
    return {
        "slope_per_degree": slope_per_degree(results),
        "angles": [
            {
                "angle_deg": result.angle_deg,
                **result.calibration.to_dict(),
                "dropped": result.dropped,
                "episodes": len(result.plain),
                "successes": sum(outcome.success for outcome in result.plain),
                "successes_turned": sum(outcome.success for outcome in result.turned),
            }
            for result in results
        ],
    }

"""How fast pictures and episodes are made."""

from __future__ import annotations

from armchair.bench import drawing
from armchair.bench.measurement import BENCHMARKS, BenchSetting, Measurement
from armchair.episode import ROWS_PER_SECOND
from armchair.sim.scene import SceneConfig
from armchair.sim.workers import spawned

FAITHFUL_KEEP = 0.2
"""Share of mesh faces with which a frame of 256 pixels is 0.97 alike to one of full meshes."""
ROBOT_HOUR_ROWS = 3600 * ROWS_PER_SECOND
CORES = 2
"""How many cores a robot hour is counted for: a small laptop's."""
FRAMES_PER_REPEAT = 4


@BENCHMARKS.add("render")
def render(setting: BenchSetting) -> Measurement:
    """Draw a frame that looks like full meshes, against robosuite's own camera observation.

    The same scene, size, multisampling and (no) shadows. The default's faster, coarser meshes and
    multisampled pictures stand apart.
    """
    frames = FRAMES_PER_REPEAT * setting.repeats
    default = SceneConfig().mesh_keep
    with spawned(1) as pool:
        faithful = pool.submit(drawing.draw, FAITHFUL_KEEP, 0, frames).result()
        coarse = pool.submit(drawing.draw, default, 0, frames).result()
        smooth = pool.submit(drawing.draw, FAITHFUL_KEEP, 4, frames).result()
    settings = {
        "": faithful,
        f", {default:.0%} of the faces": coarse,
        ", both with 4 samples": smooth,
    }
    figures = {}
    for name, found in settings.items():
        figures[f"times as fast{name}"] = found.reference.clock / found.ours.clock
        figures[f"times as fast, processor time{name}"] = (
            found.reference.processor / found.ours.processor
        )
        figures[f"similarity to full meshes{name}"] = found.similarity
    return Measurement(
        what=f"draw one frame of 256×256, {FAITHFUL_KEEP:.0%} of the mesh faces",
        seconds=faithful.ours.clock,
        against="robosuite's camera observation",
        reference_seconds=faithful.reference.clock,
        figures=figures,
    )


@BENCHMARKS.add("collect")
def collect(setting: BenchSetting) -> Measurement:
    """Simulate, draw, encode and write a row of an episode, against real time (one core)."""
    with spawned(1) as pool:
        found = pool.submit(drawing.collect, setting.rows, setting.repeats).result()
    return Measurement(
        what="simulate, draw and write one row of an episode",
        seconds=found.seconds_per_row,
        against="real time, 1/15 s",
        reference_seconds=1 / ROWS_PER_SECOND,
        figures={
            "frames per second and process": 1 / found.seconds_per_row,
            "frames per second of processor time": 1 / found.processor_seconds_per_row,
            f"minutes for a robot hour on {CORES} cores": ROBOT_HOUR_ROWS
            * found.seconds_per_row
            / CORES
            / 60,
            "MB on disk per robot hour": ROBOT_HOUR_ROWS * found.bytes_per_row / 1e6,
            "MB of memory per worker": found.memory_bytes / 1e6,
        },
    )

"""How fast pictures and episodes are made."""

from __future__ import annotations

from armchair.bench import drawing
from armchair.bench.measurement import BENCHMARKS, BenchSetting, Measurement
from armchair.episode import ROWS_PER_SECOND
from armchair.sim.scene import SceneConfig
from armchair.sim.workers import spawned

FAITHFUL_KEEP, FASTER_KEEP = 0.2, 0.1
"""Shares of mesh faces: with the first, a frame of 256 pixels is 0.97 alike to one of full meshes;
the second is faster and less alike, and is shown apart."""
ROBOT_HOUR_ROWS = 3600 * ROWS_PER_SECOND
CORES = 2
"""How many cores a robot hour is counted for: a small laptop's."""
FRAMES_PER_REPEAT = 4


@BENCHMARKS.add("render")
def render(setting: BenchSetting) -> Measurement:
    """Draw a frame that looks like full meshes, against robosuite's own camera observation.

    The same scene, size, multisampling and (no) shadows. Fewer faces and multisampled pictures
    stand apart; so does the default scene, where that has another share of faces.
    """
    frames = FRAMES_PER_REPEAT * setting.repeats
    default = SceneConfig().mesh_keep
    keep = FAITHFUL_KEEP if setting.mesh_keep is None else setting.mesh_keep
    SceneConfig(mesh_keep=keep)  # raises here what would be wrong in the worker
    wanted = {"": (keep, 0)}
    for share in sorted({FASTER_KEEP, default} - {keep}):
        wanted[f", {share:.0%} of the faces{' (default)' * (share == default)}"] = (share, 0)
    wanted[", both with 4 samples"] = (keep, 4)
    with spawned(1) as pool:
        settings = {
            name: pool.submit(drawing.draw, share, samples, frames).result()
            for name, (share, samples) in wanted.items()
        }
    counted = settings[""]
    figures = {}
    for name, found in settings.items():
        figures[f"times as fast{name}"] = found.reference.clock / found.ours.clock
        figures[f"times as fast, processor time{name}"] = (
            found.reference.processor / found.ours.processor
        )
        figures[f"similarity to full meshes{name}"] = found.similarity
    return Measurement(
        what=f"draw one frame of 256×256, {keep:.0%} of the mesh faces",
        seconds=counted.ours.clock,
        against="robosuite's camera observation",
        reference_seconds=counted.reference.clock,
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

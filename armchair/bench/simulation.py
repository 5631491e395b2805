"""How fast pictures and episodes are made."""

from __future__ import annotations

import tempfile
from pathlib import Path

from armchair.bench.measurement import BENCHMARKS, BenchSetting, Measurement, seconds_of
from armchair.sim.arm import SimArm
from armchair.sim.collect import CollectConfig, make_episode


@BENCHMARKS.add("render")
def render(setting: BenchSetting) -> Measurement:
    """Draw one frame, against 1/15 s of physics and control."""
    arm = SimArm()
    try:
        return Measurement(
            what="draw one frame of 256×256",
            seconds=seconds_of(arm.frame, 4 * setting.repeats),
            against="physics and control of 1/15 s",
            reference_seconds=seconds_of(arm.row, 4 * setting.repeats),
        )
    finally:
        arm.close()


@BENCHMARKS.add("collect")
def collect(setting: BenchSetting) -> Measurement:
    """Simulate, draw, encode and write a frame of an episode, against real time (one core)."""
    with tempfile.TemporaryDirectory() as folder:
        folders = iter(Path(folder, str(number)) for number in range(setting.repeats + 1))

        def one_episode() -> None:
            make_episode(CollectConfig(rows=setting.rows), next(folders), 0)

        return Measurement(
            what="simulate, draw and write one row of an episode",
            seconds=seconds_of(one_episode, setting.repeats) / setting.rows,
            against="real time, 1/15 s",
            reference_seconds=1 / 15,
        )

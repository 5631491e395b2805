"""Pictures and episodes, timed in a worker process of their own: no learning is imported here.

robosuite's render context ends the process's EGL display when it goes; hence the worker.
"""

from __future__ import annotations

import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np

from armchair.bench.rivals import RobosuiteCamera
from armchair.bench.similarity import structural_similarity
from armchair.sim.collect import CollectConfig, make_episode
from armchair.sim.pictures import FRAME_SIZE
from armchair.sim.robot import SimRobot
from armchair.sim.scene import LEFT_CAMERA, SceneConfig

POSES = ((0.46, 0.0, 0.36), (0.60, 0.20, 0.26), (0.36, -0.18, 0.46), (0.50, 0.0, 0.18))
"""Flange positions at which pictures are compared, metres: over the workspace, down to a grasp."""
KIBI = 1024


@dataclass(frozen=True)
class Timing:
    """Least seconds of a piece of work: by the clock, and of this process on its processors.

    The second is what counts where pictures are drawn in software on a machine that others use.
    """

    clock: float
    processor: float


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """What a frame takes, ours and robosuite's, and how alike ours are to those of full meshes."""

    ours: Timing
    reference: Timing
    similarity: float
    """Mean SSIM over `POSES`."""


@dataclass(frozen=True, kw_only=True)
class Collected:
    """What an episode costs: seconds and bytes on disk a row, bytes of memory of its worker."""

    seconds_per_row: float
    processor_seconds_per_row: float
    """Without what other processes took of the core meanwhile."""
    bytes_per_row: float
    memory_bytes: float


def draw(keep: float, samples: int, repeats: int) -> Drawn:
    """Draw the same moments with simplified meshes, full ones, and robosuite's own camera.

    `keep`: share of mesh faces; `samples`: multisampling of all of them. Shadows are off in all.
    """
    full = SimRobot(SceneConfig(mesh_keep=1.0, offscreen_samples=samples))
    ours = SimRobot(SceneConfig(mesh_keep=keep, offscreen_samples=samples))
    alike = []
    for arm in (full, ours):
        arm.new_scene("none", np.random.default_rng(0))
    for pose in POSES:
        full.drive_to(np.array(pose))
        ours.data.qpos[:] = full.data.qpos
        mujoco.mj_forward(ours.model, ours.data)
        alike.append(structural_similarity(ours.frame(), full.frame()))
    mine = least(ours.frame, repeats)
    ours.close()
    full.close()
    # Last and alone: robosuite draws into whatever context is current, its own only when it is new.
    rival = RobosuiteCamera(full.nominal)
    rival.pose(full.data.qpos)
    reference = least(lambda: rival.frame(LEFT_CAMERA, FRAME_SIZE), repeats)
    return Drawn(ours=mine, reference=reference, similarity=float(np.mean(alike)))


def collect(rows: int, repeats: int) -> Collected:
    """Make episodes of level light as `armchair collect` does; the first one does not count."""
    config = CollectConfig(episodes=repeats + 1, rows=rows)
    taken, processor = [], []
    with tempfile.TemporaryDirectory() as folder:
        for index in range(repeats + 1):
            began, busy = time.perf_counter(), time.process_time()
            make_episode(config, Path(folder), index)
            taken.append(time.perf_counter() - began)
            processor.append(time.process_time() - busy)
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Collected(
        seconds_per_row=statistics.median(taken[1:]) / rows,
        processor_seconds_per_row=statistics.median(processor[1:]) / rows,
        bytes_per_row=size / (repeats + 1) / rows,
        memory_bytes=peak * (1 if sys.platform == "darwin" else KIBI),
    )


def least(work: Callable[[], object], repeats: int) -> Timing:
    """Return the least times of so many runs, as undisturbed as a busy machine allows.

    A run that warms up comes before and does not count.
    """
    clock, processor = [], []
    for _ in range(repeats + 1):
        began, busy = time.perf_counter(), time.process_time()
        work()
        clock.append(time.perf_counter() - began)
        processor.append(time.process_time() - busy)
    return Timing(min(clock[1:]), min(processor[1:]))

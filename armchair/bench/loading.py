"""How fast clips for training are read, against decoding them from the raw videos."""

from __future__ import annotations

import tempfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import torch
from numpy.typing import NDArray

from armchair.bench.measurement import BENCHMARKS, BenchSetting, Measurement, seconds_of
from armchair.episode import ROWS_PER_SECOND
from armchair.poses import difference, roll_to_sandbox
from armchair.sim.collect import CollectConfig, make_episode
from armchair.worldmodel.data.clips import Clip, ClipDataset, WindowConfig
from armchair.worldmodel.data.crops import crop_clip, draw_box
from armchair.worldmodel.data.episodes import DroidEpisodes, EpisodeHandle
from armchair.worldmodel.data.frame_store import FRAMES, StoreConfig, update_store

CLIPS = 32
"""Clips in one timed run."""
STORE = StoreConfig()


@BENCHMARKS.add("load")
def load(setting: BenchSetting) -> Measurement:
    """Read a clip of 8 frames at random, against PyAV that seeks and decodes in the same files.

    Both end in the same crop and size and bring the same states and actions; the disk that each
    needs for an hour of one camera is printed with it.
    """
    config = WindowConfig()
    rows = max(setting.rows, config.span * STORE.row_stride)
    with tempfile.TemporaryDirectory() as folder:
        make_episode(CollectConfig(rows=rows), Path(folder, "raw"), 0)
        episodes = DroidEpisodes(Path(folder, "raw"))
        store = update_store(
            Path(folder, "store"), [handle.video_path.resolve() for handle in episodes], STORE
        )
        dataset = ClipDataset(store, episodes, config)
        draw = np.random.default_rng(0)
        picked = [int(index) for index in draw.integers(len(dataset), size=CLIPS)]
        windows = [_window(dataset, episodes, index) for index in picked]
        states = {handle: handle.states() for handle in episodes}  # remembered on both sides

        def ours() -> None:
            for index in picked:
                dataset[index]

        def decoded() -> None:
            for index, (handle, row) in zip(picked, windows, strict=True):
                decode_clip(handle.video_path, states[handle], row, config, index)

        raw = sum(handle.video_path.stat().st_size for handle in episodes)
        hours = sum(handle.seconds for handle in episodes) / 3600
        kept = (store.folder / FRAMES).stat().st_size
        return Measurement(
            what=f"read a clip of {config.frames} stored frames ({_per_hour(kept, hours)})",
            seconds=seconds_of(ours, setting.repeats) / CLIPS,
            against=f"PyAV, key frame and onwards ({_per_hour(raw, hours)})",
            reference_seconds=seconds_of(decoded, setting.repeats) / CLIPS,
        )


def decode_clip(
    path: Path, states: NDArray[np.float64], row: int, config: WindowConfig, index: int
) -> Clip:
    """Return the clip that begins at a row, straight from MP4: what a plain loader does.

    `states` (T, 7) are the episode's. Opens the video, seeks to the key frame before the row and
    decodes until the last frame.
    """
    step = config.stride * STORE.row_stride
    rows = range(row, row + config.frames * step, step)
    states, frames = states[rows], _decode(path, list(rows))
    box = draw_box(frames.shape[1], frames.shape[2], config.crop, np.random.default_rng([0, index]))
    return Clip(
        frames=crop_clip(frames, box, config.crop.size),
        states=torch.from_numpy(roll_to_sandbox(states)).float(),
        actions=torch.from_numpy(difference(states[:-1], states[1:])).float(),
    )


def _decode(path: Path, rows: list[int]) -> NDArray[np.uint8]:
    wanted, frames = set(rows), []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        rate, base = Fraction(stream.average_rate or ROWS_PER_SECOND), stream.time_base or 1
        container.seek(int(rows[0] / rate / base), stream=stream)
        for frame in container.decode(stream):
            row = round((frame.pts or 0) * base * rate)
            if row in wanted:
                frames.append(frame.to_ndarray(format="rgb24"))
            if row >= rows[-1]:
                break
    return np.stack(frames)


def _window(dataset: ClipDataset, episodes: DroidEpisodes, index: int) -> tuple[EpisodeHandle, int]:
    """Return the episode and the first row of a clip."""
    start = dataset.start_of(index)
    for number, (first, count) in enumerate(dataset.store.episodes):
        if first <= start < first + count:
            return episodes[number], (start - first) * STORE.row_stride
    raise AssertionError(start)


def _per_hour(size: int, hours: float) -> str:
    return f"{size / hours / 1e6:.0f} MB per robot hour"

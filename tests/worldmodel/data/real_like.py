"""An episode that looks like a released DROID one, where that differs from what we write.

Wide pictures in MP4 files with B frames and few key frames under a 60 fps header, all three
cameras and their stereo twins, no timestamps beside them, flags as integers, no intrinsics,
datasets that no table knows, another lab's metadata, colons in the folder's name, an operator's
clock that keeps 15 Hz only about, and SVO recordings.
"""

from __future__ import annotations

import json
import shutil
from fractions import Fraction
from pathlib import Path

import av
import h5py
import numpy as np
from numpy.typing import NDArray

from armchair.episode_names import SIMULATION
from armchair.sim.droid_writer import write_episode
from tests.factories import SERIALS, make_episode, smooth_frames

WIDTH, HEIGHT = 64, 36
FLAGS = (
    "observation/timestamp/skip_action",
    "action/robot_state/prev_command_successful",
)
CAMERA_SEEDS = {"wrist": 11, "ext1": 12, "ext2": 13}


def pictures(role: str, rows: int) -> NDArray[np.uint8]:
    """Return what a camera saw: (rows, 36, 64, 3), different for each role."""
    return smooth_frames(rows, WIDTH, CAMERA_SEEDS[role])[:, 14 : 14 + HEIGHT]


def write_released(root: Path, index: int = 0, rows: int = 40, fps: Fraction | int = 60) -> Path:
    """Write one episode under <root>/AUTOLab and return its folder."""
    ours = write_episode(root / "ours", make_episode(index, rows=rows))
    folder = root / "AUTOLab" / ours.relative_to(root / "ours" / "ARMCHAIR")
    day, hour, minute, second, year = folder.name.rsplit("_", 4)
    folder = folder.with_name(f"{day}_{hour}:{minute}:{second}_{year}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(ours, folder)
    shutil.rmtree(root / "ours")
    (folder / SIMULATION).unlink()
    mp4 = folder / "recordings/MP4"
    shutil.rmtree(mp4)
    mp4.mkdir()
    for role, serial in SERIALS.items():
        encode(mp4 / f"{serial}.mp4", pictures(role, rows), fps)
        (mp4 / f"{serial}-stereo.mp4").write_bytes(b"nobody reads this")
    (folder / "recordings/SVO").mkdir()
    (folder / f"recordings/SVO/{SERIALS['wrist']}.svo").write_bytes(b"nobody reads this either")
    _as_released(folder, rows)
    return folder


def encode(path: Path, frames: NDArray[np.uint8], fps: Fraction | int) -> None:
    """Write an MP4 with x264's own settings: B frames, a key frame every 250."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for picture in frames:
            image = np.ascontiguousarray(picture)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())


def _as_released(folder: Path, rows: int) -> None:
    with h5py.File(folder / "trajectory.h5", "r+") as file:
        del file["observation/camera_intrinsics"]
        for flag in (
            "observation/timestamp/skip_action",
            "action/robot_state/prev_command_successful",
        ):
            values = file[flag][()].astype(np.int64)
            del file[flag]
            file[flag] = values
        _keep_time_loosely(file, rows)
        velocity = file["action/joint_velocity"][()].astype(np.float32)
        del file["action/joint_velocity"]
        file["action/joint_velocity"] = velocity
        for serial in SERIALS.values():
            file[f"observation/camera_extrinsics/{serial}_left_gripper_offset"] = np.zeros(
                (rows, 6)
            )
        file["observation/language"] = np.array([b"words"] * rows)
    (path,) = folder.glob("*.json")
    fields = json.loads(path.read_text()) | {"lab": "AUTOLab", "r2d2_version": "1.3", "extra": None}
    del fields["droid_version"]
    path.write_text(json.dumps(fields))


def _keep_time_loosely(file: h5py.File, rows: int) -> None:
    """Let rows take 58–92 ms by the clock, the controller's stamps a little later than each."""
    draw = np.random.default_rng(rows)
    start = 1_688_748_143_000 + np.cumsum(draw.integers(58, 93, rows))
    for name, late in (("step_start", 0), ("policy_start", 9), ("control_start", 21)):
        file[f"observation/timestamp/control/{name}"][...] = start + late
    file["observation/timestamp/robot_state/read_start"][...] = start + 1
    file["observation/timestamp/robot_state/read_end"][...] = start + 4

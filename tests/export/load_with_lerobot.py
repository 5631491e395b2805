"""Load an exported dataset with lerobot itself; runs in .venv-lerobot, without armchair.

Every frame of every episode is compared with what the raw episodes hold.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

# torchvision's compiled part may belong to another torch; a dataset needs none of its operators,
# but importing it asks for these two.
for operator in ("nms", "qnms"):
    if not hasattr(torch.ops.torchvision, operator):
        signature = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        torch.library.define(f"torchvision::{operator}", signature)

import lerobot  # noqa: E402
from lerobot.datasets.lerobot_dataset import LeRobotDataset  # noqa: E402

CAMERA = "observation.images.exterior_2_left"


def check(folder: Path) -> None:
    """Raise AssertionError where lerobot sees something else than the raw episodes hold."""
    expected = np.load(folder / "expected.npz")
    window = {CAMERA: [-4 / 15, 0.0], "action": [0.0, 1 / 15]}
    dataset = LeRobotDataset(
        "local/armchair", root=folder / "lerobot", video_backend="pyav", delta_timestamps=window
    )
    assert dataset.meta.total_episodes == 3
    assert dataset.fps == 15
    assert dataset.meta.stats[CAMERA]["mean"].shape == (3, 1, 1)
    place = 0
    for episode in range(3):
        states, frames = expected[f"states_{episode}"], expected[f"frames_{episode}"]
        for row, state in enumerate(states):
            item = dataset[place + row]
            assert (item["episode_index"], item["frame_index"]) == (episode, row)
            assert item["task"] == str(expected[f"task_{episode}"])
            pose = item["observation.state.cartesian_position"].numpy()
            assert np.allclose(pose, state[:6], atol=1e-6)
            assert np.isclose(item["observation.state.gripper_position"], state[6], atol=1e-6)
            seen = (255 * item[CAMERA]).numpy().transpose(0, 2, 3, 1)
            for picture, true_row in zip(seen, (max(0, row - 4), row), strict=True):
                errors = np.abs(picture - frames.astype(float)).mean(axis=(1, 2, 3))
                assert errors.argmin() == true_row, (episode, row, errors)
                assert errors[true_row] < 4  # lerobot's conversion of colours is coarser
            assert item[f"{CAMERA}_is_pad"].tolist() == [row < 4, False]
        place += len(states)
    assert place == len(dataset)
    sys.stdout.write(
        f"lerobot {lerobot.__version__} loads the export: {place} frames of 3 episodes agree\n"
    )


if __name__ == "__main__":
    check(Path(sys.argv[1]))

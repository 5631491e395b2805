"""Two processes, started as `torchrun` does, learn what one would."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from armchair.worldmodel.encoder import FrameEncoder
from armchair.worldmodel.encoder_files import save_encoder
from armchair.worldmodel.precision import FLOAT32_SWITCH
from tests.worldmodel.training.test_train import run


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


STEPS = 4


def weights_of(folder: Path) -> torch.Tensor:
    content = torch.load(folder / "checkpoint.pt", weights_only=True)
    return torch.cat([value.flatten() for value in content["learner"]["predictor"].values()])


@pytest.mark.slow
def test_two_processes_are_one(
    episodes: Path, encoder: FrameEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All but rounding, which Adam and the kinks of an L1 loss enlarge."""
    save_encoder(tmp_path / "encoder", encoder)
    monkeypatch.setenv(FLOAT32_SWITCH, "1")
    run(episodes, tmp_path / "encoder", tmp_path / "first", steps=1)
    run(episodes, tmp_path / "encoder", tmp_path / "one", steps=STEPS)
    script = (
        "from pathlib import Path; from tests.worldmodel.training.test_train import run;"
        f"run(Path({str(episodes)!r}), Path({str(tmp_path / 'encoder')!r}),"
        f" Path({str(tmp_path / 'two')!r}), steps={STEPS})"
    )
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script],
            env=os.environ | shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in (0, 1)
    ]
    outputs = [process.communicate(timeout=500) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert outputs[1][0] == "", "only the leader says how it goes"
    first, one, two = (weights_of(tmp_path / name) for name in ("first", "one", "two"))
    assert (two - one).norm() < 1e-3 * (one - first).norm()

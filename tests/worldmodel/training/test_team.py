"""Two processes, started as `torchrun` does, step down the gradient of one.

Of one step only: an L1 loss of things that hardly move has kinks, and Adam enlarges rounding.
"""

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


@pytest.mark.slow
def test_two_processes_are_one(
    episodes: Path, encoder: FrameEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_encoder(tmp_path / "encoder", encoder)
    monkeypatch.setenv(FLOAT32_SWITCH, "1")  # Adam makes much of rounding
    run(episodes, tmp_path / "encoder", tmp_path / "one", steps=1)
    script = (
        "from pathlib import Path; from tests.worldmodel.training.test_train import run;"
        f"run(Path({str(episodes)!r}), Path({str(tmp_path / 'encoder')!r}),"
        f" Path({str(tmp_path / 'two')!r}), steps=1)"
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
    one, two = (
        torch.load(tmp_path / name / "checkpoint.pt", weights_only=True)["learner"]
        for name in ("one", "two")
    )
    moments = [state["adamw"]["state"] for state in (one, two)]
    assert moments[0].keys() == moments[1].keys()
    for number, moment in moments[0].items():  # after one step: a tenth of the whole gradient
        found = moments[1][number]["exp_avg"]
        torch.testing.assert_close(found, moment["exp_avg"], atol=1e-6, rtol=1e-4)
    assert max(moment["exp_avg"].abs().max() for moment in moments[0].values()) > 1e-4

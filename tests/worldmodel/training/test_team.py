"""Two processes, started as `torchrun` does, learn what one would."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from armchair.worldmodel.encoder import FrameEncoder
from armchair.worldmodel.encoder_files import save_encoder
from armchair.worldmodel.optimisation.loop import LoopConfig
from armchair.worldmodel.precision import FLOAT32_SWITCH
from tests.worldmodel.processes import run_as_two
from tests.worldmodel.training.test_train import run

STEPS = 4
LOSS = re.compile(r"  (?:loss|teacher_forcing|rollout|copy_last) ([\d.e-]+)")


def weights_of(folder: Path) -> torch.Tensor:
    content = torch.load(folder / "checkpoint.pt", weights_only=True)
    return torch.cat([value.flatten() for value in content["learner"]["predictor"].values()])


def test_processes_part_without_waiting_for_each_other_for_ever(tmp_path: Path) -> None:
    """Without the reference that `leave_group` keeps, one of the first rounds hangs."""
    script = (
        "import os, torch, torch.distributed as together\n"
        "from armchair.worldmodel.optimisation.team import leave_group\n"
        "def meet_and_part(number):\n"
        f"    place = 'file://{tmp_path}/' + str(number)\n"
        "    rank = int(os.environ['RANK'])\n"
        "    together.init_process_group('gloo', init_method=place, rank=rank, world_size=2)\n"
        "    wrapped = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(64, 64))\n"
        "    wrapped(torch.ones(4, 64)).sum().backward()\n"
        "    together.all_reduce(torch.ones(1000))\n"
        "    together.barrier()\n"
        "    leave_group()\n"
        "for number in range(40):\n"
        "    meet_and_part(number)\n"
    )
    run_as_two(script, tmp_path, seconds=120)


def test_two_processes_are_one(
    episodes: Path, encoder: FrameEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All but rounding, which Adam and the kinks of an L1 loss enlarge."""
    save_encoder(tmp_path / "encoder", encoder)
    monkeypatch.setenv(FLOAT32_SWITCH, "1")
    run(episodes, tmp_path / "encoder", tmp_path / "first", steps=1)
    each = LoopConfig(log_steps=1)
    run(episodes, tmp_path / "encoder", tmp_path / "one", steps=STEPS, loop=each)
    script = (
        "from pathlib import Path; from tests.worldmodel.training.test_train import run;"
        "from armchair.worldmodel.optimisation.loop import LoopConfig;"
        f"run(Path({str(episodes)!r}), Path({str(tmp_path / 'encoder')!r}),"
        f" Path({str(tmp_path / 'two')!r}), steps={STEPS}, loop=LoopConfig(log_steps=1))"
    )
    printed = run_as_two(script, tmp_path)
    assert [bool(text) for text in printed] == [True, False], "the leader alone says how it goes"
    first, one, two = (weights_of(tmp_path / name) for name in ("first", "one", "two"))
    assert (two - one).norm() < 1e-3 * (one - first).norm()
    logged = [
        [float(loss) for loss in LOSS.findall((tmp_path / name / "log.txt").read_text())]
        for name in ("one", "two")
    ]
    assert len(logged[0]) == 4 * STEPS
    assert logged[1] == pytest.approx(logged[0], rel=2e-3), "of all clips, not of the leader's"

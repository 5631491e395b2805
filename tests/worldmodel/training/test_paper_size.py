"""The paper's predictor takes a training step on a CPU within 10 GB."""

from __future__ import annotations

import subprocess
import sys

import pytest

LIMIT_GB = 10.0
SCRIPT = """
import resource
import torch
from armchair.recipes import paper
from armchair.worldmodel.losses import ac_losses
from armchair.worldmodel.model import WorldModel
from armchair.worldmodel.official import AC_300M
from armchair.worldmodel.optimisation.adamw import Optimiser
from armchair.worldmodel.precision import autocast
from armchair.worldmodel.predictor import ACPredictor

predictor = ACPredictor(AC_300M)
predictor.checkpointing = True
model = WorldModel(torch.nn.Identity(), predictor)
optimiser = Optimiser([predictor], paper.train().optimiser)
latents, states = torch.randn(1, 8, 256, 1408), torch.randn(1, 8, 7)
with autocast("cpu"):
    losses = ac_losses(model, latents, states, torch.randn(1, 7, 7))
norm = optimiser.step(losses.total, 1e-4)
size = sum(p.numel() for p in predictor.parameters())
print(size, norm, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


@pytest.mark.slow
def test_one_step_of_eight_frames() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    size, norm, gigabytes = (float(word) for word in done.stdout.split())
    assert 2.9e8 < size < 3.2e8
    assert norm > 0
    assert gigabytes < LIMIT_GB, f"{gigabytes:.1f} GB"

"""Make tests/golden/cem_meta.json: what the reference's cross-entropy method does in a toy world.

    git clone https://github.com/facebookresearch/vjepa2 REFERENCE
    python scripts/make_golden_cem.py REFERENCE tests/golden/cem_meta.json

Holds the world, the noise that was drawn (rounded, and given to the reference so), and after every
iteration the reference's mean and deviation (horizon, 4: x y z gripper), then its answer.
"""

from __future__ import annotations

import json
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

TOKENS, WIDTH = 2, 3
SIZE = {"samples": 40, "iterations": 5, "elites": 6}
GRIPPERS = {1: 0.15, 2: 0.9}
"""By horizon, the gripper's change that leads to the goal; the smaller is rounded away."""


class Recorder:
    """Stands in for the reference's logger and for `torch.randn`, and keeps what passes."""

    def __init__(self, seed: int) -> None:
        self.noise: list[Any] = []
        self.means: list[Any] = []
        self.deviations: list[Any] = []
        self._generator = torch.Generator().manual_seed(seed)
        self._draw = torch.randn

    def randn(self, *shape: int, device: object) -> Tensor:
        """Return noise of three decimals."""
        noise = (1000 * self._draw(shape, generator=self._generator)).round() / 1000
        self.noise.append([[round(float(x), 3) for x in row] for row in noise])
        return noise

    def info(self, message: str) -> None:
        """Keep the mean and deviation of the caller, who logs once an iteration."""
        seen = sys._getframe(1).f_locals
        self.means.append(seen["mean"].tolist())
        self.deviations.append(seen["std"].tolist())


def world() -> dict[str, Any]:
    """Return what an action does to latents (6,): `linear` a + (`curved` a)², both (6, 7)."""
    generator = torch.Generator().manual_seed(0)
    drawn = (100 * torch.randn((2, TOKENS * WIDTH, 7), generator=generator)).round() / 100
    return {
        name: [[round(float(x), 2) for x in row] for row in matrix]
        for name, matrix in zip(("linear", "curved"), drawn, strict=True)
    }


def step(of: dict[str, Any], latents: Tensor, action: Tensor) -> Tensor:
    """Return the next latents (any, 2, 3) of latents and actions (any, 7)."""
    linear, curved = (action @ torch.tensor(of[name]).T for name in ("linear", "curved"))
    return latents + (linear + curved**2).view(-1, TOKENS, WIDTH)


def case(reference: Any, recorder: Recorder, of: dict[str, Any], horizon: int) -> dict[str, Any]:
    """Run the reference once, as its wrapper sets it but for the sizes."""

    def world_model(frames: Tensor, actions: Tensor, poses: Tensor) -> tuple[Tensor, Tensor]:
        pose = reference.compute_new_pose(poses[:, -1:], actions[:, -1:])
        return step(of, frames[:, -1], actions[:, -1])[:, None], pose

    truth = torch.tensor([0.04, -0.05, 0.03, 0, 0, 0, GRIPPERS[horizon]])
    goal = torch.zeros(1, TOKENS, WIDTH)
    for _ in range(horizon):
        goal = step(of, goal, truth[None])
    goal = (1000 * goal).round() / 1000
    torch.randn = recorder.randn  # type: ignore[assignment]
    answer = reference.cem(
        torch.zeros(1, 1, TOKENS, WIDTH), torch.zeros(1, 1, 7), goal[None], world_model,
        rollout=horizon, cem_steps=SIZE["iterations"], samples=SIZE["samples"],
        topk=SIZE["elites"], momentum_mean=0.15, momentum_std=0.15, maxnorm=0.075,
    )  # fmt: skip
    torch.randn = recorder._draw
    return {
        "horizon": horizon,
        "goal": [[round(float(x), 3) for x in row] for row in goal[0]],
        "noise": recorder.noise,
        "means": recorder.means,
        "deviations": recorder.deviations,
        "answer": answer[0].tolist(),
    }


def main(folder: str, out: str) -> None:
    sys.path.insert(0, folder)
    logging: Any = types.ModuleType("src.utils.logging")
    logging.get_logger = lambda *_, **__: None
    sys.modules["src.utils.logging"] = logging
    from notebooks.utils import mpc_utils

    of, cases = world(), []
    for horizon in GRIPPERS:
        mpc_utils.logger = recorder = Recorder(horizon)
        cases.append(case(mpc_utils, recorder, of, horizon))
    commit = subprocess.check_output(["git", "-C", folder, "rev-parse", "HEAD"], text=True)
    made = {"reference": commit.strip(), "torch": torch.__version__}
    Path(out).write_text(json.dumps({**made, **SIZE, **of, "cases": cases}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

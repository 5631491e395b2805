"""The processes that train together: one, or those that `torchrun` started, joined by accelerate.

Every process draws the same global batch and takes its share; gradients are averaged, so that the
number of processes changes nothing but rounding. The first process alone writes files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from armchair.worldmodel.devices import best_device

WORLD_SIZE = "WORLD_SIZE"
"""Environment variable that `torchrun` sets."""


class Team:
    """This process among `size` of them; `rank` 0 is the one that writes."""

    def __init__(self) -> None:
        self._accelerator: Any = None
        self.rank, self.size = 0, 1
        self.device = best_device()
        if int(os.environ.get(WORLD_SIZE, "1")) > 1:
            from accelerate import Accelerator

            self._accelerator = Accelerator(cpu=not torch.cuda.is_available())
            self.rank = self._accelerator.process_index
            self.size = self._accelerator.num_processes
            self.device = self._accelerator.device

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes files and says how it goes."""
        return self.rank == 0

    def wrap(self, module: nn.Module) -> nn.Module:
        """Return a module whose backward pass averages gradients over the team."""
        if self._accelerator is None:
            return module
        wrapped: nn.Module = self._accelerator.prepare(module)
        return wrapped

    def agree(self, seconds: float, stop: bool) -> tuple[float, bool]:
        """Return the leader's clock, and whether anybody was asked to stop: all do it together."""
        if self._accelerator is None:
            return seconds, stop
        mine = torch.tensor([seconds if self.leads else 0.0, float(stop)], device=self.device)
        clock, stops = self._accelerator.reduce(mine, reduction="sum").tolist()
        return clock, stops > 0

    @contextmanager
    def leader_first(self) -> Iterator[None]:
        """Let the leader through the block, then the others, who find its files."""
        if self._accelerator is not None and not self.leads:
            self._accelerator.wait_for_everyone()
        yield
        if self._accelerator is not None and self.leads:
            self._accelerator.wait_for_everyone()

    def close(self) -> None:
        """Leave the team; nothing can be averaged after."""
        if self._accelerator is not None:
            self._accelerator.wait_for_everyone()
            self._accelerator.end_training()
            if torch.distributed.is_initialized():
                torch.distributed.destroy_process_group()

"""The processes that train together: one, or those that `torchrun` started, joined by accelerate.

Every process draws the same global batch and takes its share; gradients are averaged, so that the
number of processes changes nothing but rounding. The first process alone writes results; what all
read, the first of each node makes, so that nodes need not share a disk.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, nn

from armchair.errors import BadValueError
from armchair.worldmodel.devices import best_device

WORLD_SIZE = "WORLD_SIZE"
"""Environment variable that `torchrun` sets."""
PATIENCE = timedelta(hours=24)
"""How long one process waits for another that encodes all episodes, say; NCCL's own is 10 minutes.
"""


_LEFT: list[object] = []


def leave_group() -> None:
    """Leave PyTorch's process group, whose last reference stays here until the process ends.

    A wrapped module holds another. Were its own the last, freeing the module would wait, with
    Python's lock held, for gloo's thread, and that may wait for the lock to free the tensors of the
    last message: for ever (PyTorch 2.13).
    """
    _LEFT.append(torch.distributed.group.WORLD)
    torch.distributed.destroy_process_group()


def check_alone(verb: str) -> None:
    """Raise `BadValueError` if `torchrun` started several processes of a verb that is for one."""
    size = os.environ.get(WORLD_SIZE, "1")
    if int(size) > 1:
        raise BadValueError(
            f"{verb} trains in one process, {WORLD_SIZE} is {size}: all would train the same and "
            "write the same files. Start it without torchrun."
        )


class Team:
    """This process among `size` of them; `rank` 0 is the one that writes."""

    def __init__(self) -> None:
        self._accelerator: Any = None
        self.rank, self.size = 0, 1
        self.device = best_device()
        if int(os.environ.get(WORLD_SIZE, "1")) > 1:
            from accelerate import Accelerator
            from accelerate.utils import InitProcessGroupKwargs

            self._accelerator = Accelerator(
                cpu=not torch.cuda.is_available(),
                kwargs_handlers=[InitProcessGroupKwargs(timeout=PATIENCE)],
            )
            self.rank = self._accelerator.process_index
            self.size = self._accelerator.num_processes
            self.device = self._accelerator.device

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes files and says how it goes."""
        return self.rank == 0

    def check_share(self, batch: int) -> None:
        """Raise `BadValueError` unless a batch of clips can be shared evenly."""
        if batch % self.size:
            raise BadValueError(
                f"clips.batch {batch} cannot be shared evenly by {self.size} processes."
            )

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

    def add_up(self, tensors: Iterable[Tensor]) -> None:
        """Replace each tensor, in place, by its sum over the team; they go as one message."""
        if self._accelerator is not None:
            parts = list(tensors)
            flat = torch.cat([part.flatten() for part in parts])
            torch.distributed.all_reduce(flat)
            for part, summed in zip(parts, flat.split([p.numel() for p in parts]), strict=True):
                part.copy_(summed.view_as(part))

    def means(self, values: Mapping[str, Tensor | float]) -> dict[str, float]:
        """Return the mean of each number over the team, whose shares are alike."""
        plain = (v.detach() if isinstance(v, Tensor) else v for v in values.values())
        mine = torch.tensor([float(value) for value in plain], device=self.device) / self.size
        self.add_up([mine])
        return dict(zip(values, mine.tolist(), strict=True))

    def gather(self, number: int) -> list[int]:
        """Return the number that each process has, by rank."""
        if self._accelerator is None:
            return [number]
        mine = torch.tensor([number], device=self.device)
        numbers: list[int] = self._accelerator.gather(mine).tolist()
        return numbers

    @contextmanager
    def leader_first(self) -> Iterator[None]:
        """Let the first process of each node through the block, then the others.

        They find its files, on the node's own disk or on a shared one; there, leaders of several
        nodes write one after the other (`appended.one_writer`).
        """
        if self._accelerator is None:
            yield
            return
        with self._accelerator.local_main_process_first():
            yield

    def close(self) -> None:
        """Leave the team; nothing can be averaged after."""
        if self._accelerator is not None:
            self._accelerator.wait_for_everyone()
            leave_group()

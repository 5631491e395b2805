"""AdamW as both training stages use it: weight decay on matrices only, gradients clipped."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import nn

from armchair.errors import BadValueError, check_least


@dataclass(frozen=True, kw_only=True)
class AdamWConfig:
    """Optimiser settings apart from the learning rate, which the schedule gives."""

    weight_decay: float = 0.04
    """Decay of matrices; biases, norms and other vectors have none (V-JEPA 2, appendix A.1)."""
    betas: tuple[float, float] = (0.9, 0.999)
    clip_norm: float = 1.0
    """Largest norm of the whole gradient."""

    def __post_init__(self) -> None:
        check_least(self, weight_decay=0)
        if not self.clip_norm > 0:  # infinite: nothing is clipped
            raise BadValueError(f"clip_norm is {self.clip_norm}, expected more than 0.")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise BadValueError(f"betas are {self.betas}; both are in [0, 1).")


class Optimiser:
    """AdamW over the trainable parameters of some modules."""

    def __init__(self, modules: Iterable[nn.Module], config: AdamWConfig) -> None:
        self.config = config
        parameters = [p for m in modules for p in m.parameters() if p.requires_grad]
        groups = [
            {"params": [p for p in parameters if p.ndim > 1], "weight_decay": config.weight_decay},
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
        ]
        self.parameters = parameters
        self.adamw = torch.optim.AdamW(groups, lr=0.0, betas=config.betas, fused=True)

    def step(self, loss: torch.Tensor, rate: float) -> float:
        """Take one step down the gradient of `loss`; return the gradient's norm before clipping."""
        loss.backward()
        return self.apply(rate)

    def share(self, add_up: Callable[[list[torch.Tensor]], None], *more: torch.Tensor) -> None:
        """Add up the gradients of several processes, and `more`, in place, by `add_up`.

        What no process has a gradient of keeps none, as with one process: it does not decay.
        """
        have = torch.tensor([float(p.grad is not None) for p in self.parameters])
        have = have.to(self.parameters[0].device)
        for parameter in self.parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        add_up([have, *more, *(p.grad for p in self.parameters if p.grad is not None)])
        for parameter, number in zip(self.parameters, have.tolist(), strict=True):
            if not number:
                parameter.grad = None

    def apply(self, rate: float) -> float:
        """Take one step down the gradients that the parameters have; return their norm."""
        norm = nn.utils.clip_grad_norm_(self.parameters, self.config.clip_norm, foreach=True)
        for group in self.adamw.param_groups:
            group["lr"] = rate
        self.adamw.step()
        torch.autograd.graph.increment_version(self.parameters)  # which the fused step does not
        self.adamw.zero_grad(set_to_none=True)
        return float(norm)

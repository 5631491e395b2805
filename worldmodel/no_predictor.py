"""What stands in a world model for the predictor that an encoder alone does not have."""

from __future__ import annotations

from typing import NoReturn

import torch
from torch import Tensor, nn

from armchair.errors import BadValueError


class NoPredictor(nn.Module):
    """Holds no weights; whoever wants a prediction is told how to get a predictor."""

    cosines: Tensor

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.register_buffer("cosines", torch.zeros(0), persistent=False)  # says the device

    @property
    def config(self) -> NoReturn:
        """Raise: there is none."""
        raise BadValueError(
            f"{self.name} is an encoder without an action-conditioned predictor: it encodes, and "
            f"that is all. Train one with `armchair train --encoder {self.name}`, or take a model "
            "that has one (default, vjepa2-ac-vitg)."
        )

    def extend(self, *arguments: object, **options: object) -> NoReturn:
        """Raise: there is nothing to predict with."""
        raise AssertionError(self.config)

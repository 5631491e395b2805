"""What the optimiser does beside AdamW's own: decay of matrices alone, gradients cut to a norm."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from armchair.worldmodel.optimisation.adamw import AdamWConfig, Optimiser

RATE, DECAY = 0.1, 0.5


def line() -> nn.Linear:
    """A matrix (3, 4) and a vector (3,), drawn from seed 0."""
    torch.manual_seed(0)
    return nn.Linear(4, 3)


def test_matrices_decay_and_vectors_do_not() -> None:
    layer = line()
    optimiser = Optimiser([layer], AdamWConfig(weight_decay=DECAY))
    matrix, vector = layer.weight.detach().clone(), layer.bias.detach().clone()
    assert all((gradient == 0).all() for gradient in optimiser.gradients())
    optimiser.apply(RATE)
    torch.testing.assert_close(layer.weight.detach(), matrix * (1 - RATE * DECAY))
    assert torch.equal(layer.bias.detach(), vector)


@pytest.mark.parametrize("size", [1e3, 0.1])
def test_a_large_gradient_is_cut_to_the_norm_and_a_small_one_is_not(size: float) -> None:
    """After one step from nothing, AdamW's first moment is the gradient times 1 − beta."""
    layer, config = line(), AdamWConfig(clip_norm=0.25)
    optimiser = Optimiser([layer], config)
    whole = torch.cat([layer.weight.detach().flatten(), layer.bias.detach()])
    loss = sum((p * p.detach()).sum() for p in layer.parameters()) * (size / whole.norm())
    assert optimiser.step(loss, RATE) == pytest.approx(size), "what it was is told"
    moments = [optimiser.adamw.state[p]["exp_avg"].flatten() for p in layer.parameters()]
    taken = torch.cat(moments) / (1 - config.betas[0])
    assert taken.norm().item() == pytest.approx(min(size, 0.25), rel=1e-4)
    assert torch.cosine_similarity(taken, whole, dim=0) > 1 - 1e-5, "the way is the same"

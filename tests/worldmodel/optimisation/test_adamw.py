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
    for parameter in layer.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimiser.apply(RATE)
    torch.testing.assert_close(layer.weight.detach(), matrix * (1 - RATE * DECAY))
    assert torch.equal(layer.bias.detach(), vector)


def test_gradients_are_shared_and_what_nobody_has_one_of_stays() -> None:
    """One process has a gradient of the first layer, the other of the first and the second."""
    layers = [line(), line(), line()]
    start = [layer.weight.detach().clone() for layer in layers]
    optimiser = Optimiser(layers, AdamWConfig(weight_decay=DECAY))
    layers[0].weight.grad = torch.ones(3, 4)
    total = torch.tensor(1.0)

    def add_up(tensors: list[torch.Tensor]) -> None:
        have, summed, *gradients = tensors
        assert have.tolist() == [1, 0, 0, 0, 0, 0]
        have += torch.tensor([1.0, 0, 1, 0, 0, 0])
        summed += 2.0
        gradients[0] += 1.0
        gradients[2] += 3.0

    optimiser.share(add_up, total)
    assert total == 3.0
    found = [parameter.grad for parameter in optimiser.parameters]
    have = [gradient is not None for gradient in found]
    assert have == [True, False, True, False, False, False]
    optimiser.apply(RATE)
    assert torch.equal(layers[2].weight.detach(), start[2]), "it does not decay"
    assert not torch.equal(layers[0].weight.detach(), start[0])


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

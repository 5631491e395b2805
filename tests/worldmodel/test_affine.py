"""Matrix products in few passes: the same numbers as `linear`, wherever they are worked out."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from armchair.worldmodel import affine
from armchair.worldmodel.affine import Affine


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("shape", [(7, 24), (3, 5, 24)])
def test_in_bfloat16_it_is_linear_up_to_rounding(
    monkeypatch: pytest.MonkeyPatch, fused: bool, shape: tuple[int, ...]
) -> None:
    if fused and not affine.fuses():
        pytest.skip("no fused products on this machine")
    monkeypatch.setattr(affine, "fuses", lambda: fused)
    torch.manual_seed(0)
    layer, x = nn.Linear(24, 40), torch.randn(shape)
    ours = Affine.of(layer, torch.bfloat16)
    assert (ours.blocked is not None) is fused
    for found, exact in ((ours(x), layer(x)), (ours.gelu(x), F.gelu(layer(x)))):
        assert found.dtype == torch.bfloat16
        assert found.shape == exact.shape
        assert (found.float() - exact).abs().mean() < 0.005


def test_in_float32_it_is_linear() -> None:
    layer, x = nn.Linear(24, 40), torch.randn(3, 24)
    assert torch.equal(Affine.of(layer, torch.float32)(x), layer(x))


def test_operators_that_are_not_there_or_wrong_are_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(*_: object) -> torch.Tensor:
        raise AttributeError("no such operator")

    for broken in (missing, lambda x, *_: torch.zeros_like(x)):
        affine.fuses.cache_clear()
        with monkeypatch.context() as patch:
            patch.setattr(affine, "_fused", broken)
            assert not affine.fuses()
    affine.fuses.cache_clear()

"""Controls: the derangement, the random predictor, names."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from armchair.errors import BadValueError, UnknownNameError
from armchair.evaluation.contestants import (
    ALL_CONTROLS,
    CONTROLS,
    derangement,
    select_controls,
    with_random_predictor,
)
from tests.evaluation.fakes import PixelModel


@given(st.integers(2, 60), st.integers(0, 1000))
def test_derangement_moves_every_entry(count: int, seed: int) -> None:
    order = derangement(count, seed)
    assert sorted(order) == list(range(count))
    assert all(place != entry for place, entry in enumerate(order))
    assert order == derangement(count, seed)


def test_one_goal_cannot_be_shuffled() -> None:
    with pytest.raises(BadValueError, match="at least 2"):
        derangement(1, 0)


def test_random_predictor_shares_the_rest_and_leaves_the_original_alone() -> None:
    model = PixelModel()
    model.encoder = torch.nn.Linear(2, 2)
    before = model.predictor.weight.clone()
    blind, again, other = (with_random_predictor(model, seed) for seed in (1, 1, 2))
    assert torch.equal(model.predictor.weight, before)
    assert blind.encoder is model.encoder  # type: ignore[attr-defined]
    weights = [m.predictor.weight for m in (blind, again, other)]  # type: ignore[attr-defined]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    candidates = torch.ones(1, 1, 7)
    context = torch.zeros(1, 1, 3), torch.zeros(1, 7), torch.zeros(0, 7)
    assert not torch.allclose(
        blind.rollout(*context, candidates), model.rollout(*context, candidates)
    )


def test_random_predictor_reaches_every_weight_of_the_real_one() -> None:
    from armchair.worldmodel.predictor import ACPredictor, PredictorConfig

    model = PixelModel()
    config = PredictorConfig(
        token_width=12, grid=(2, 2), width=12, depth=1, heads=2, zero_init_output=True
    )
    model.predictor = ACPredictor(config)  # type: ignore[assignment]
    blind = with_random_predictor(model, 0).predictor  # type: ignore[attr-defined]
    assert not model.predictor.predictor_proj.weight.any()  # type: ignore[union-attr, operator]
    frame = torch.randn(1, 1, 4, 12, generator=torch.Generator().manual_seed(0))
    outputs = [blind(frame, torch.zeros(1, 1, 7), torch.full((1, 1, 7), a)) for a in (0.0, 0.05)]
    assert not torch.allclose(*outputs)


def test_a_model_without_predictor_is_refused() -> None:
    with pytest.raises(BadValueError, match="--controls random hold shuffled-goal"):
        with_random_predictor(object(), 0)  # type: ignore[arg-type]


def test_selection_by_name() -> None:
    assert set(ALL_CONTROLS) == set(CONTROLS)
    assert select_controls(["all"]) == ALL_CONTROLS
    assert select_controls(["none"]) == ()
    assert select_controls(["random,hold", "random"]) == ("random", "hold")
    with pytest.raises(UnknownNameError, match="Did you mean 'expert'"):
        select_controls(["expart"])

"""Controls: bounds, whose goals the shuffled see, the random predictor, names."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from armchair.errors import BadValueError, UnknownNameError
from armchair.evaluation.contestants import (
    ALL_CONTROLS,
    CONTROLS,
    Entry,
    donor_of,
    select_controls,
    with_random_predictor,
)
from armchair.evaluation.episode import Scene, play
from armchair.evaluation.tasks import TASKS
from armchair.planners import ActionBounds, load_planner, with_options
from tests.evaluation.fakes import FakeReach, PixelModel
from tests.worldmodel.models import tiny_sandbox


@given(st.integers(1, 60))
def test_an_even_number_of_episodes_gives_every_goal_to_another(pairs: int) -> None:
    donors = [donor_of(episode) for episode in range(2 * pairs)]
    assert sorted(donors) == list(range(2 * pairs))
    assert all(donor != episode for episode, donor in enumerate(donors))


@pytest.mark.parametrize("name", ["random", "expert-constrained"])
@pytest.mark.parametrize("shape", ["box", "l2-ball"])
def test_controls_keep_to_the_planners_bounds(name: str, shape: str, env: FakeReach) -> None:
    options = ["translation=0.04", "rotation=0.01", "gripper=0.3", f"shape={shape}"]
    planner = with_options(load_planner("cem"), [f"bounds.{option}" for option in options])
    contestant = CONTROLS[name](Entry(model=PixelModel(), planner=planner))
    for episode in range(5):
        scene = Scene(role="validation", seed=0, episode=episode, level="light")
        play(env, TASKS["reach"], scene, contestant)
    actions = np.abs(env.actions)
    moves = actions[:, :3] if shape == "box" else np.linalg.norm(actions[:, :3], axis=1)
    assert 0.036 < moves.max() <= 0.04 + 1e-9
    assert actions[:, 3:6].max() <= 0.01 + 1e-9
    assert actions[:, 6].max() <= 0.3 + 1e-9
    if name == "random":
        assert actions[:, 3:6].max() > 0.009
        far = actions[:, :3].max(axis=1) > planner.config.bounds.grip_within  # type: ignore[attr-defined]
        assert (np.array(env.actions)[far, 6] > 0).any(), "the hand's rules are the planner's own"


def test_a_planner_without_bounds_is_given_the_standard_ones() -> None:
    assert Entry(model=PixelModel(), planner=object()).bounds == ActionBounds()  # type: ignore[arg-type]


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


def test_random_predictor_of_a_world_model_that_has_planned_before() -> None:
    """What the original keeps packed for planning is not the blind one's."""
    model = tiny_sandbox()
    generator = torch.Generator().manual_seed(0)
    frames = torch.randint(256, (1, 64, 64, 3), generator=generator, dtype=torch.uint8)
    context = model.encode(frames), torch.zeros(1, 7), torch.zeros(0, 7)
    candidates = torch.full((2, 1, 7), 0.05)
    own = model.rollout(*context, candidates)
    blind = with_random_predictor(model, 0)
    assert (blind.rollout(*context, candidates) - own).abs().mean() > 1e-3
    assert torch.equal(model.rollout(*context, candidates), own)


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
    with pytest.raises(BadValueError, match="or none"):
        select_controls([])
    assert select_controls(["random,hold", "random"]) == ("random", "hold")
    with pytest.raises(UnknownNameError, match="Did you mean 'expert'"):
        select_controls(["expart"])

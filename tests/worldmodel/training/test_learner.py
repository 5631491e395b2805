"""The AC learner on a toy world in which only the action says what comes next."""

from __future__ import annotations

import copy
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from armchair.errors import BadValueError
from armchair.worldmodel.encoder import EncoderConfig, FrameEncoder
from armchair.worldmodel.model import WorldModel
from armchair.worldmodel.optimisation.draws import Piece
from armchair.worldmodel.optimisation.loop import Moment, generator_at
from armchair.worldmodel.predictor import ACPredictor, PredictorConfig
from armchair.worldmodel.training import action_inference
from armchair.worldmodel.training import learner as learner_module
from armchair.worldmodel.training.action_inference import (
    InferenceConfig,
    infer_actions,
    sample_pairs,
    score,
    translation_error,
)
from armchair.worldmodel.training.cache_layout import CachedEpisode, CacheLayout, write_manifest
from armchair.worldmodel.training.clips import ClipConfig, ClipSampler
from armchair.worldmodel.training.learner import (
    PredictorSize,
    TrainConfig,
    TrainLearner,
    copy_errors,
)
from armchair.worldmodel.training.pairs import PairConfig
from armchair.worldmodel.training.token_cache import TokenCache
from armchair.worldmodel.training.units import measure_inputs, measure_latents

WIDTH, TOKENS = 12, 4
CONFIG = TrainConfig(
    predictor=PredictorSize(width=24, depth=1, heads=2),
    clips=ClipConfig(batch=32, gap_rows=(4, 8), max_move=0.2),
    validation_clips=32,
    validation_search=InferenceConfig(
        pairs=PairConfig(count=24, gripper_share=None), samples=48, elites=6, iterations=6
    ),
)


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> TokenCache:
    """Random walks of the arm; a token is a fixed linear map of position and gripper."""
    folder = tmp_path_factory.mktemp("toy")
    random = np.random.default_rng(0)
    count, length = 20, 40
    steps = random.uniform(-0.06, 0.06, (count, length, 3))
    centre = np.array([0.4, 0.0, 0.4])
    position = centre + np.clip(np.cumsum(steps, axis=1), -0.3, 0.3)
    gripper = random.uniform(0, 1, (count, length, 1))
    rotation = np.tile([np.pi, 0.0, 0.0], (count, length, 1))
    states = np.concatenate([position, rotation, gripper], axis=-1).reshape(-1, 7)
    seen = np.concatenate([position * 5, gripper], axis=-1).reshape(-1, 4)
    background = random.normal(size=(TOKENS, WIDTH)) * 3
    maps = random.normal(size=(TOKENS, 4, WIDTH))
    tokens = background + np.einsum("fs,nsd->fnd", seen, maps)
    size = {"row_stride": 4, "crops": 1, "tokens": TOKENS, "width": WIDTH}
    layout = CacheLayout(encoder_sha256="toy", numbers="float16", **size)
    episodes = [CachedEpisode(path=str(i), first=i * length, count=length) for i in range(count)]
    (folder / "tokens.bin").write_bytes(tokens[:, None].astype(np.float16).tobytes())
    (folder / "states.bin").write_bytes(states.tobytes())
    write_manifest(folder, layout, episodes)
    return TokenCache(folder)


def new_learner(cache: TokenCache, config: TrainConfig = CONFIG) -> TrainLearner:
    seed = 0
    torch.manual_seed(seed)
    encoder = FrameEncoder(EncoderConfig(image_size=32, width=WIDTH, depth=1, heads=2))
    sampler = ClipSampler(cache, config.clips)
    size = PredictorConfig(
        token_width=WIDTH, grid=(2, 2), zero_init_output=True, **asdict(config.predictor)
    )
    model = WorldModel(
        encoder,
        ACPredictor(size),
        statistics=measure_latents(cache),
        scaling=measure_inputs(cache, sampler, seed),
    )
    return TrainLearner(config, model, sampler, sampler, seed)


def moment(step: int, rate: float = 3e-3) -> Moment:
    return Moment(step=step, rate=rate, expected_steps=200, wants_metrics=True)


def test_it_learns_what_actions_do(toy: TokenCache) -> None:
    learner = new_learner(toy)
    first = learner.update(moment(0))
    assert first["teacher_forcing"] == pytest.approx(first["copy_last"], rel=1e-2)
    for step in range(1, 200):
        learner.update(moment(step))
    values = learner.evaluate(200)
    assert values["validation/teacher_forcing_to_copy"] < 0.5
    assert values["validation/rollout_to_copy"] < 0.6
    for axis in "xyz":
        assert values[f"inference/{axis}_correlation"] > 0.9
        assert 0.5 < values[f"inference/{axis}_slope"] < 2.0


def test_resume_is_exact(toy: TokenCache, tmp_path: Path) -> None:
    whole = new_learner(toy)
    for step in range(4):
        whole.update(moment(step))
    part = new_learner(toy)
    for step in range(2):
        part.update(moment(step))
    torch.save(part.state(), tmp_path / "state.pt")
    rest = new_learner(toy)
    rest.load_state(torch.load(tmp_path / "state.pt", weights_only=True))
    for step in range(2, 4):
        rest.update(moment(step))
    for name, value in whole.model.predictor.state_dict().items():
        assert torch.equal(value, rest.model.predictor.state_dict()[name]), name
    for name, value in whole.average.predictor.state_dict().items():
        assert torch.equal(value, rest.average.predictor.state_dict()[name]), name


def test_the_average_has_the_same_encoder_and_weights_of_its_own(toy: TokenCache) -> None:
    learner = new_learner(toy)
    assert learner.average.encoder is learner.model.encoder
    weights = zip(
        learner.model.predictor.parameters(), learner.average.predictor.parameters(), strict=True
    )
    assert not any(one is other for one, other in weights)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_rollout_is_as_long_as_asked_for(toy: TokenCache, steps: int) -> None:
    clips = replace(CONFIG.clips, frames=4)
    learner = new_learner(toy, replace(CONFIG, rollout_steps=steps, clips=clips))
    values = learner.update(moment(0))
    drawn = learner.data.sample(generator_at(0, 0))
    latents = learner.model.latents_of(drawn.tokens)
    still = (latents[:, 1 : steps + 1] - latents[:, :1]).abs().mean()  # it predicts no change yet
    assert values["rollout"] == pytest.approx(float(still) if steps > 1 else 0.0, rel=1e-2)
    assert copy_errors(latents, steps)[1] == pytest.approx(float(still))
    scored = "validation/rollout_to_copy" in learner.evaluate(1)
    assert scored == (steps > 1)


def test_a_rollout_longer_than_the_clips_is_refused() -> None:
    with pytest.raises(BadValueError, match=r"rollout_steps is 3; .*frames 3 it is 1 … 2"):
        TrainConfig(rollout_steps=3)


def test_a_run_from_a_relay_draws_what_comes_next(toy: TokenCache) -> None:
    fresh, later = new_learner(toy), new_learner(toy)
    later.draws.history = (Piece(seed=0, steps=4), Piece(seed=9, steps=2))
    assert later.update(moment(0))["loss"] == fresh.update(moment(6))["loss"]
    rest = new_learner(toy)
    rest.load_state(later.state())
    assert rest.draws.history == later.draws.history


def test_only_the_predictor_learns(toy: TokenCache) -> None:
    learner = new_learner(toy)
    before = [p.clone() for p in learner.model.encoder.parameters()]
    learner.update(moment(0))
    after = list(learner.model.encoder.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_evaluation_changes_nothing(toy: TokenCache) -> None:
    learner = new_learner(toy)
    learner.update(moment(0))
    before, drawn = copy.deepcopy(learner.state()), torch.get_rng_state()
    assert learner.evaluate(1) == learner.evaluate(1)
    assert torch.equal(torch.get_rng_state(), drawn)
    torch.testing.assert_close(learner.state(), before, atol=0, rtol=0)


def test_validation_in_parts_is_validation_whole(
    toy: TokenCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for at_once in (3, 1000):
        monkeypatch.setattr(learner_module, "AT_ONCE", at_once)
        found.append(new_learner(toy).evaluate(0))
    parts, whole = found
    assert parts == pytest.approx(whole, rel=2e-3)
    assert parts["validation/rollout_to_copy"] > 0


def test_score_of_a_perfect_and_of_a_half_hearted_model() -> None:
    logged = torch.randn(50, 7, generator=torch.Generator().manual_seed(0)) * 0.05
    assert score(logged, logged)["x"].slope == pytest.approx(1.0)
    half = score(0.5 * logged + 0.01, logged)["gripper"]
    assert half.slope == pytest.approx(0.5, rel=1e-5)
    assert half.correlation == pytest.approx(1.0)
    aside = logged + torch.tensor([0.03, 0.0, 0.04, 0.0, 0.0, 0.0, 0.5])
    assert translation_error(aside, logged) == pytest.approx(0.05)
    logged[:, 6] = 0.3
    assert set(score(logged, logged)) == {"x", "y", "z"}, "what never changes cannot be scored"


def test_no_inferred_gripper_leaves_what_there_is(toy: TokenCache) -> None:
    """An untrained model has no opinion; its answers are spread over all that the search allows."""
    learner = new_learner(toy)
    generator = torch.Generator().manual_seed(0)
    config = replace(CONFIG.validation_search, iterations=2)
    assert learner.held_out is not None
    pairs = sample_pairs(learner.average, learner.held_out, config, generator)
    inferred = infer_actions(learner.average, pairs, config, generator)
    ends = pairs.states[:, 6] + inferred[:, 6]
    assert -1e-5 < float(ends.min()) < 0.2
    assert 0.8 < float(ends.max()) < 1.0 + 1e-5


def test_a_valley_oblique_to_the_axes_is_followed_to_its_end(
    toy: TokenCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What moves along a camera's line of sight hardly changes its picture."""
    along = torch.tensor([1.0, -1.0, 1.0]) / 3**0.5
    place = torch.tensor([0.05, -0.06, 0.04])

    def valley(*known: torch.Tensor) -> torch.Tensor:
        away = known[-1][:, :3] - place
        depth = away @ along
        return (away - depth[:, None] * along).norm(dim=1) + 0.05 * depth.abs()

    monkeypatch.setattr(action_inference, "energies", valley)
    learner = new_learner(toy)
    config = InferenceConfig(pairs=PairConfig(count=10))
    assert learner.held_out is not None
    pairs = sample_pairs(learner.average, learner.held_out, config, generator_at(0, 0))
    inferred = infer_actions(learner.average, pairs, config, generator_at(0, 1))
    assert (inferred[:, :3] - place).norm(dim=1).max() < 0.01


def test_imagining_what_is_no_number_is_refused(toy: TokenCache) -> None:
    learner = new_learner(toy)
    assert learner.held_out is not None
    config = InferenceConfig(pairs=PairConfig(count=10))
    pairs = sample_pairs(learner.average, learner.held_out, config, generator_at(0, 0))
    learner.average.predictor.predictor_proj.bias.data[0] = torch.nan
    with pytest.raises(BadValueError, match="imagines what is not finite"):
        infer_actions(learner.average, pairs, config, generator_at(0, 1))


def test_pairs_have_the_wanted_length(toy: TokenCache) -> None:
    learner = new_learner(toy)
    config = InferenceConfig(
        pairs=PairConfig(count=20), first_samples=4, samples=4, elites=2, iterations=1
    )
    assert learner.held_out is not None
    pairs = sample_pairs(learner.average, learner.held_out, config, generator_at(0, 0))
    lengths = pairs.actions[:, :3].norm(dim=-1)
    assert len(lengths) == 20
    assert (pairs.actions[:, 6].abs() > 0.1).sum() == pairs.chosen.gripper == 10
    assert ((lengths >= 0.02) & (lengths <= 0.13)).all()
    inferred = infer_actions(learner.average, pairs, config, generator_at(0, 1))
    assert inferred.shape == (20, 7)
    assert (inferred[:, 3:6] == 0).all()

"""`--preset` chooses where the other options start from; without it verbs use what ships."""

from __future__ import annotations

from operator import attrgetter

import pytest

from armchair.cli import pretrain, train
from armchair.cli._presets import PRESETS, chosen_preset
from armchair.cli.main import _parse
from armchair.episode import ROWS_PER_SECOND
from armchair.errors import UnknownNameError
from armchair.recipes import paper, sandbox
from armchair.worldmodel.official import OFFICIAL

TRAIN = ["--episodes", "a", "--encoder", "b", "--out", "c"]
PRETRAIN = ["--videos", "a", "--out", "c"]

BOTH_PHASES = {
    "encoder.tubelet_size": 2,
    "encoder.patch_size": 16,
    "predictor.width": 384,
    "predictor.depth": 12,
    "predictor.heads": 12,
    "predictor.mlp_ratio": 1536 / 384,
    "clips.batch": 3072,
    "clips.crop_aspect": (0.75, 1.35),
    "clips.crop_scale": (0.3, 1.0),
    "clips.still_share": 0.25,
    "clips.still_frames": 16,
    "schedule.peak": 5.25e-4,
    "optimiser.weight_decay": 0.04,
    "momentum": 0.99925,
    "change.pairs": 0,
}
"""Tables 9, 12 and 1 of the paper, section 2.3 (stills) and eq. (1), which is all of the loss."""
PHASES = {
    "paper": {"encoder.image_size": 256, "clips.clip_frames": 16} | BOTH_PHASES,
    "paper-cooldown": {"encoder.image_size": 384, "clips.clip_frames": 64} | BOTH_PHASES,
}
POST_TRAINING = {
    "predictor.width": 1024,
    "predictor.depth": 24,
    "predictor.heads": 16,
    "clips.batch": 256,
    "clips.frames": 16,
    "rollout_steps": 2,
    "optimiser.weight_decay": 0.04,
    "statistics": "none",
}
"""Section 3.1 and appendix B.1."""
ENCODERS = {
    "paper": (1024, 24, 16, 4096),
    "paper-vith": (1280, 32, 16, 5120),
    "paper-vitg": (1408, 40, 22, 6144),
}
"""Table 12: width, depth, heads, width of the MLP."""


def parsed(module: object, options: list[str]) -> train.Config | pretrain.Config:
    config = _parse(module, "verb", options)  # type: ignore[arg-type]
    assert isinstance(config, train.Config | pretrain.Config)
    return config


def test_verbs_start_from_the_sandbox() -> None:
    assert parsed(train, TRAIN).recipe == sandbox.train()
    assert parsed(pretrain, PRETRAIN).recipe == sandbox.pretrain()
    assert parsed(train, TRAIN).steps is None


def test_the_paper_and_what_is_changed_of_it() -> None:
    config = parsed(train, [*TRAIN, "--preset", "paper", "--recipe.clips.batch", "8"])
    assert isinstance(config.recipe, type(paper.train()))
    assert config.steps == 94_500
    assert config.recipe.clips.batch == 8
    assert config.recipe.predictor == paper.train().predictor
    pretraining = parsed(pretrain, [*PRETRAIN, "--preset=paper"])
    assert pretraining.recipe == paper.pretrain()
    large = parsed(pretrain, [*PRETRAIN, "--preset", "paper-vitg"])
    assert large.recipe.encoder == OFFICIAL["vjepa2-vitg"].encoder
    cooled = parsed(pretrain, [*PRETRAIN, "--preset", "paper-vitg-cooldown"])
    assert cooled.recipe.encoder == OFFICIAL["vjepa2-vitg-384"].encoder
    for minutes in (["--minutes", "3"], ["--minutes=3"]):
        assert parsed(train, [*TRAIN, "--preset", "paper", *minutes]).steps is None
        assert parsed(pretrain, [*PRETRAIN, "--preset=paper", *minutes]).steps is None


@pytest.mark.parametrize(
    ("preset", "name"), [(preset, name) for preset, table in PHASES.items() for name in table]
)
def test_the_papers_pre_training(preset: str, name: str) -> None:
    recipe = pretrain.defaults(["--preset", preset]).recipe
    assert attrgetter(name)(recipe) == PHASES[preset][name]


@pytest.mark.parametrize(("preset", "steps"), [("paper", 240_000), ("paper-cooldown", 12_000)])
def test_the_papers_steps_and_masks(preset: str, steps: int) -> None:
    """How many blocks a mask has is in Bardes et al. (2024), its scales in table 9."""
    config = pretrain.defaults(["--preset", preset])
    assert config.steps == steps
    masks = [(mask.blocks, mask.spatial_scale, mask.aspect) for mask in config.recipe.masks]
    assert masks == [(8, 0.15, (0.75, 1.5)), (2, 0.7, (0.75, 1.5))]
    seconds = config.recipe.clips.clip_stride * config.frames.row_stride / ROWS_PER_SECOND
    assert 1 / seconds == pytest.approx(4.0, rel=0.07)


def test_the_papers_rates_of_pre_training() -> None:
    """The cooldown's own warmup is not the paper's."""
    primary = pretrain.defaults(["--preset", "paper"]).recipe.schedule.rate
    steps = (0, 6_000, 12_000, 120_000, 240_000)
    rates = [1e-4, (1e-4 + 5.25e-4) / 2, *[5.25e-4] * 3]
    assert [primary(step / 240_000) for step in steps] == pytest.approx(rates)
    cooldown = pretrain.defaults(["--preset", "paper-cooldown"]).recipe.schedule.rate
    assert cooldown(1.0) == pytest.approx(1e-6)


@pytest.mark.parametrize("preset", ENCODERS)
@pytest.mark.parametrize("phase", ["", "-cooldown"])
def test_the_papers_encoders(preset: str, phase: str) -> None:
    size = pretrain.defaults(["--preset", preset + phase]).recipe.encoder
    assert (size.width, size.depth, size.heads, size.width * size.mlp_ratio) == ENCODERS[preset]


@pytest.mark.parametrize("name", POST_TRAINING)
def test_the_papers_predictor_and_its_training(name: str) -> None:
    recipe = train.defaults(["--preset", "paper"]).recipe
    assert attrgetter(name)(recipe) == POST_TRAINING[name]


def test_the_papers_rates_and_clips_of_post_training() -> None:
    recipe = train.defaults(["--preset", "paper"]).recipe
    steps = (0, 2_250, 4_500, 90_000, 92_250, 94_500)
    rates = [7.5e-5, (7.5e-5 + 4.25e-4) / 2, 4.25e-4, 4.25e-4, 4.25e-4 / 2, 0.0]
    assert [recipe.schedule.rate(step / 94_500) for step in steps] == pytest.approx(rates)
    for rows in recipe.clips.gap_rows:
        assert ROWS_PER_SECOND / rows == pytest.approx(4.0, rel=0.07)


@pytest.mark.parametrize("name", ["sandbox-cooldown", "paper-cooldown", "paper-vitg-cooldown"])
def test_a_cooldown_starts_low_with_its_fresh_optimiser(name: str) -> None:
    config = parsed(pretrain, [*PRETRAIN, "--preset", name])
    schedule = config.recipe.schedule
    assert schedule.rate(0.0) == pytest.approx(0.1 * schedule.peak)
    assert schedule.rate(0.01) == pytest.approx(schedule.peak)
    assert schedule.rate(0.505) == pytest.approx(0.5 * schedule.peak, rel=2e-2)
    assert schedule.rate(1.0) <= 1e-6


def test_an_unknown_preset() -> None:
    with pytest.raises(UnknownNameError, match="unknown preset 'papr'"):
        chosen_preset(["--preset", "papr"], PRESETS)


def test_the_run_that_made_the_shipped_model_says_the_same_as_before() -> None:
    """Options that used to be needed change nothing: old commands resume."""
    old = ["--recipe.predictor.width", "192", "--recipe.clips.batch", "32"]
    rate = ["--recipe.schedule.peak", "1e-3", "--recipe.schedule.decay-share", "0.3"]
    assert parsed(train, [*TRAIN, *old, *rate]) == parsed(train, TRAIN)

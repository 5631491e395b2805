"""`--preset` chooses where the other options start from; without it verbs use what ships."""

from __future__ import annotations

import pytest

from armchair.cli import pretrain, train
from armchair.cli._presets import PRESETS, chosen_preset
from armchair.cli.main import _parse
from armchair.errors import UnknownNameError
from armchair.recipes import paper, sandbox
from armchair.worldmodel.official import OFFICIAL

TRAIN = ["--episodes", "a", "--encoder", "b", "--out", "c"]
PRETRAIN = ["--videos", "a", "--out", "c"]


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
    assert config.recipe.statistics == "none"
    rate = config.recipe.schedule.rate
    assert rate(0.0) == pytest.approx(7.5e-5)
    assert rate(4_500 / 94_500) == pytest.approx(4.25e-4)
    assert rate(90_000 / 94_500) == pytest.approx(4.25e-4)
    assert rate(1.0) == pytest.approx(0.0)
    pretraining = parsed(pretrain, [*PRETRAIN, "--preset=paper"])
    assert pretraining.recipe == paper.pretrain()
    assert pretraining.recipe.schedule.rate(0.0) == pytest.approx(1e-4)
    large = parsed(pretrain, [*PRETRAIN, "--preset", "paper-vitg"])
    assert large.recipe.encoder == OFFICIAL["vjepa2-vitg"].encoder
    cooled = parsed(pretrain, [*PRETRAIN, "--preset", "paper-vitg-cooldown"])
    assert cooled.recipe.encoder == OFFICIAL["vjepa2-vitg-384"].encoder
    for minutes in (["--minutes", "3"], ["--minutes=3"]):
        assert parsed(train, [*TRAIN, "--preset", "paper", *minutes]).steps is None
        assert parsed(pretrain, [*PRETRAIN, "--preset=paper", *minutes]).steps is None


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

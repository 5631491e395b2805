"""The objective on changes: pairs of one video, a loss that can be learnt, eq. (1) left alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from armchair.errors import BadValueError
from armchair.worldmodel.data.frame_store import FrameStore
from armchair.worldmodel.encoder import EncoderConfig
from armchair.worldmodel.optimisation.loop import Moment
from armchair.worldmodel.pretraining.change import (
    ChangeConfig,
    ChangeDecoder,
    change_loss,
    draw_pairs,
    recoloured,
    still_pixels,
)
from armchair.worldmodel.pretraining.clips import ClipConfig
from armchair.worldmodel.pretraining.learner import PretrainConfig, PretrainLearner
from armchair.worldmodel.pretraining.network import MaskPredictorConfig, cut_patches

ENCODER = EncoderConfig(image_size=32, patch_size=8, width=24, depth=1, heads=2)
CHANGE = ChangeConfig(pairs=8, code=4, width=16, depth=1, heads=2)
RECIPE = PretrainConfig(
    encoder=ENCODER,
    predictor=MaskPredictorConfig(width=16, depth=1, heads=2),
    clips=ClipConfig(batch=4, crop_scale=(1.0, 1.0), crop_aspect=(1.0, 1.0)),
    change=CHANGE,
)
VIDEOS, FRAMES = 3, 12


class MovingSquares(FrameStore):
    """Videos of one colour each, in which a white square stands somewhere else in every frame."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.folder = Path("memory")
        self.episodes = [(video * FRAMES, FRAMES) for video in range(VIDEOS)]
        frames = np.empty((VIDEOS * FRAMES, 32, 32, 3), np.uint8)
        for index, frame in enumerate(frames):
            frame[:] = [(60, 20, 20), (20, 60, 20), (20, 20, 60)][index // FRAMES]
            row, column = rng.integers(0, 24, 2)
            frame[row : row + 8, column : column + 8] = 255
        self.frames = frames

    def __len__(self) -> int:
        return len(self.frames)


def moment(step: int) -> Moment:
    return Moment(step=step, rate=3e-3, expected_steps=100, wants_metrics=True)


def test_pairs_are_of_one_video() -> None:
    pairs = draw_pairs(MovingSquares(), 400, torch.Generator().manual_seed(0))
    assert pairs.shape == (400, 2)
    assert torch.equal(pairs[:, 0] // FRAMES, pairs[:, 1] // FRAMES)
    assert set(pairs.flatten().tolist()) == set(range(VIDEOS * FRAMES))


def test_still_pixels_are_those_of_the_frame() -> None:
    frame = torch.randn(2, 3, 1, 32, 32)
    patches = cut_patches(frame.expand(-1, -1, 2, -1, -1), 8, 2)
    assert torch.equal(still_pixels(patches, 8, 2), cut_patches(frame, 8, 1))


def test_before_training_the_change_is_copying() -> None:
    decoder = ChangeDecoder(CHANGE, ENCODER)
    first, second = torch.randn(2, 3, 16, 24)
    painted, gap = decoder(first, second)
    assert gap == 0.0
    assert painted.shape == (3, 16, 3 * 64)
    assert change_loss(painted, torch.randn_like(painted)).item() == pytest.approx(1.0)


def test_even_pairs_count_alike_however_little_changes() -> None:
    change = torch.randn(2, 16, 12) * torch.tensor([1.0, 0.1]).view(2, 1, 1)
    painted = torch.stack([change[0], torch.zeros(16, 12)])  # the small change is missed
    assert change_loss(painted, change).item() < 0.02
    assert change_loss(painted, change, even=True).item() == pytest.approx(0.5)
    halves = [change_loss(painted[i : i + 1], change[i : i + 1], even=True) for i in range(2)]
    assert torch.stack(halves).mean() == change_loss(painted, change, even=True), "parts add up"


def test_pairs_without_a_change_ask_for_nothing() -> None:
    still = torch.zeros(2, 16, 12)
    assert change_loss(still, still, even=True).item() == 0.0
    assert torch.isfinite(change_loss(still + 0.01, still, even=True))


def test_hues_are_turned_about_grey() -> None:
    generator = torch.Generator().manual_seed(0)
    colours = torch.randn(400, 3, 2, 4, 4, generator=generator)
    same = recoloured(colours, 0.0, generator)
    torch.testing.assert_close(same, colours)
    grey = colours.mean(1, keepdim=True).expand_as(colours)
    turned, greys = (recoloured(c, 1.0, torch.Generator().manual_seed(1)) for c in (colours, grey))
    assert (greys.std(1) < 1e-5).all(), "grey stays grey"
    torch.testing.assert_close(turned.mean(1), greys.mean(1), atol=1e-5, rtol=0)
    before, after = colours - grey, turned - greys
    gains = after.flatten(1).norm(dim=1) / before.flatten(1).norm(dim=1)
    assert 0.6 <= gains.min() < 0.7 < 1.3 < gains.max() <= 1.4
    alike = torch.cosine_similarity(before.flatten(1), after.flatten(1))
    assert alike.min() < -0.9 < 0.9 < alike.max(), "by up to half a turn"


def test_what_is_painted_keeps_its_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    learner = PretrainLearner(
        replace(RECIPE, change=replace(CHANGE, recolour=1.0)), MovingSquares(), 0
    )
    patches = torch.randn(4, 16, 3 * 2 * 64)
    tables = learner.network.tables(1)[0]
    _, plain, _ = learner.network.paint_change(patches, tables)
    _, same, _ = learner.network.paint_change(patches, tables, seen=torch.randn_like(patches))
    assert torch.equal(plain, same)
    painted = []
    plain_paint = learner.network.paint_change
    monkeypatch.setattr(
        learner.network,
        "paint_change",
        lambda patches, tables, seen: (
            painted.append((patches, seen)) or plain_paint(patches, tables, seen)
        ),
    )
    learner.update(moment(0))
    ((patches, seen),) = painted
    (first, second), (seen_first, seen_second) = patches.chunk(2), seen.chunk(2)
    assert torch.equal(first, seen_first)
    assert not torch.equal(second, seen_second)
    shown = second.unflatten(2, (3, -1)).movedim(2, -1).flatten(0, -2)
    colours = np.unique(np.round(shown.numpy(), 3), axis=0)
    assert len(colours) <= VIDEOS + 1, "what is painted is in the videos' own colours"
    other = PretrainLearner(RECIPE, MovingSquares(), 0)
    other.update(moment(0))
    weights = zip(learner.network.parameters(), other.network.parameters(), strict=True)
    assert not all(torch.equal(a, b) for a, b in weights), "it is seen otherwise"


def test_shares_of_a_recolouring() -> None:
    with pytest.raises(BadValueError, match=r"recolour is 1\.5"):
        ChangeConfig(recolour=1.5)


def test_change_is_learnt_and_teaches_the_encoder() -> None:
    learner = PretrainLearner(RECIPE, MovingSquares(), seed=0)
    history = [learner.update(moment(step))["change_to_copy"] for step in range(150)]
    assert history[0] == pytest.approx(1.0)
    assert np.mean(history[-20:]) < 0.8
    only_change = replace(RECIPE, change=replace(CHANGE, weight=1e3))
    before = PretrainLearner(only_change, MovingSquares(), seed=0)
    start = [p.clone() for p in before.network.student.parameters()]
    for step in range(3):
        before.update(moment(step))
    moved = [
        float((a - b).detach().abs().max())
        for a, b in zip(start, before.network.student.parameters(), strict=True)
    ]
    assert min(moved) > 0


def test_no_pairs_is_eq_1_alone() -> None:
    weights = []
    for change in (ChangeConfig(), replace(CHANGE, pairs=0)):
        learner = PretrainLearner(replace(RECIPE, change=change), MovingSquares(), seed=0)
        for step in range(3):
            assert "change_to_copy" not in learner.update(moment(step))
        weights.append(learner.network.state_dict())
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())


def test_state_goes_on_where_it_was() -> None:
    whole, parts = (PretrainLearner(RECIPE, MovingSquares(), seed=0) for _ in range(2))
    for step in range(4):
        whole.update(moment(step))
    for step in range(2):
        parts.update(moment(step))
    resumed = PretrainLearner(RECIPE, MovingSquares(), seed=0)
    resumed.load_state(parts.state())
    for step in range(2, 4):
        resumed.update(moment(step))
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name


def test_bad_sizes() -> None:
    with pytest.raises(BadValueError, match="at least 0"):
        ChangeConfig(pairs=-1)
    with pytest.raises(BadValueError, match="even head size"):
        ChangeConfig(width=30, heads=4)

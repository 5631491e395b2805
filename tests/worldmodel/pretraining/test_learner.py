"""Eq. (1) by hand: how far predictions are from the teacher's tokens at the hidden places."""

from __future__ import annotations

import pytest
import torch

from armchair.worldmodel.precision import FLOAT32_SWITCH
from armchair.worldmodel.pretraining.learner import PretrainLearner
from armchair.worldmodel.pretraining.masks import sample_mask
from armchair.worldmodel.pretraining.network import cut_patches
from tests.worldmodel.pretraining.test_change import RECIPE, MovingSquares

CLIPS, TUBELETS = 3, 2


@torch.no_grad()
def test_the_loss_is_the_mean_distance_to_the_teachers_normalised_tokens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(FLOAT32_SWITCH, "1")
    learner = PretrainLearner(RECIPE, MovingSquares(), seed=0)
    for parameter in learner.network.parameters():
        parameter.add_(0.5 * torch.randn_like(parameter))
    video = torch.randn(CLIPS, 3, TUBELETS * RECIPE.encoder.tubelet_size, 32, 32)
    patches = cut_patches(video, RECIPE.encoder.patch_size, RECIPE.encoder.tubelet_size)
    found, _ = learner._losses(patches, TUBELETS, torch.Generator().manual_seed(1))
    raw = learner.encoder().encode_video(video)
    tokens = (raw - raw.mean(2, keepdim=True)) / raw.std(2, correction=0, keepdim=True)
    assert (tokens - raw).abs().mean() > 0.1, "the teacher's own are not normalised"
    generator = torch.Generator().manual_seed(1)
    for kind, config in enumerate(RECIPE.masks):
        mask = sample_mask(config, RECIPE.encoder.grid, TUBELETS, CLIPS, generator)
        predicted = learner.network.predict(patches, mask, kind, learner.network.tables(TUBELETS))
        expected = [
            (predicted[clip, number] - tokens[clip, place]).abs()
            for clip in range(CLIPS)
            for number, place in enumerate(mask.hidden[clip])
        ]
        torch.testing.assert_close(found[kind], torch.stack(expected).mean(), atol=1e-4, rtol=0)

"""Precision, pixels, statistics, scaling and first weights, each alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from armchair.errors import BadValueError
from armchair.worldmodel import pixels, precision
from armchair.worldmodel.decoding.network import DecoderSize
from armchair.worldmodel.encoder import EncoderConfig
from armchair.worldmodel.optimisation.adamw import AdamWConfig
from armchair.worldmodel.predictor import ACPredictor, PredictorConfig
from armchair.worldmodel.pretraining.change import ChangeConfig
from armchair.worldmodel.pretraining.learner import PretrainConfig
from armchair.worldmodel.pretraining.network import MaskPredictorConfig
from armchair.worldmodel.statistics import InputScaling, LatentStatistics, layer_normalised
from armchair.worldmodel.training.clips import ClipConfig
from armchair.worldmodel.training.learner import PredictorSize, TrainConfig

SMALL = PredictorConfig(token_width=24, grid=(2, 3), width=48, depth=2, heads=2)


def test_bfloat16_only_where_it_is_native(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(precision.FLOAT32_SWITCH, raising=False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True})
    assert not precision.supports_bfloat16("cpu")
    with precision.autocast("cpu"):
        assert not torch.is_autocast_enabled("cpu")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    with precision.autocast("cpu"):
        assert torch.is_autocast_enabled("cpu")
    monkeypatch.setenv(precision.FLOAT32_SWITCH, "1")
    with precision.autocast("cpu"):
        assert not torch.is_autocast_enabled("cpu")
    assert not precision.supports_bfloat16("mps")


def test_wide_frames_are_cropped_centrally_and_square_ones_kept() -> None:
    wide = torch.zeros(1, 180, 320, 3, dtype=torch.uint8)
    assert pixels.central_crop(wide).shape == (1, 180, 243, 3)
    assert pixels.central_crop(wide.transpose(1, 2)).shape == (1, 240, 180, 3)
    square = torch.zeros(1, 180, 180, 3, dtype=torch.uint8)
    assert pixels.central_crop(square).shape == square.shape
    assert pixels.central_crop(wide, aspect=16 / 9).shape == wide.shape


def test_pixels_are_resized_and_normalised() -> None:
    frames = np.full((1, 64, 64, 3), 255, dtype=np.uint8)
    white = (1 - torch.tensor(pixels.IMAGE_MEAN)) / torch.tensor(pixels.IMAGE_STD)
    out = pixels.preprocess(frames, (32, 48))
    assert out.shape == (1, 3, 32, 48)
    torch.testing.assert_close(out.mean((0, 2, 3)), white)


def test_read_only_and_flipped_frames_are_welcome() -> None:
    frames = np.zeros((1, 8, 8, 3), np.uint8)
    frames.flags.writeable = False
    assert pixels.check_frames(frames[:, ::-1]).shape == (1, 8, 8, 3)


def test_statistics_measure_change_within_clips() -> None:
    generator = torch.Generator().manual_seed(0)
    background = 3 * torch.randn(50, 1, 6, 32, generator=generator)
    ripple = 0.1 * torch.randn(50, 8, 6, 32, generator=generator)
    clips = list(background + ripple)
    measured = LatentStatistics.measure(clips)
    z = layer_normalised(torch.stack(clips))
    flat = z.flatten(0, 2)
    torch.testing.assert_close(measured.mean, flat.mean(0), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(measured.data_scale, flat.std(0), atol=1e-3, rtol=1e-3)
    latents = measured.to_latents(torch.stack(clips))
    changes = torch.cat([latents[:, k:] - latents[:, :-k] for k in (1, 2, 3, 4)], dim=1)
    torch.testing.assert_close(changes.square().mean((0, 1, 2)), torch.ones(32))
    network = measured.to_network(latents).flatten(0, 2)
    torch.testing.assert_close(network.std(0), torch.ones(32), atol=1e-3, rtol=1e-3)


def test_dead_channels_get_a_floor() -> None:
    tokens = torch.randn(3, 5, 4, 16, generator=torch.Generator().manual_seed(0))
    z = layer_normalised(tokens)
    z[..., 0] = 0
    measured = LatentStatistics.measure(z)
    assert measured.change_scale[0] >= 0.09 * measured.change_scale.median()
    with pytest.raises(BadValueError, match="no clip has two frames"):
        LatentStatistics.measure(tokens[:, :1])


def test_bad_statistics_are_refused() -> None:
    one = torch.ones(8)
    with pytest.raises(BadValueError, match="change_scale has values that are not positive"):
        LatentStatistics(one, one, 0 * one)
    with pytest.raises(BadValueError, match="data_scale has shape"):
        LatentStatistics(one, one[:3], one)
    with pytest.raises(BadValueError, match="action_scale has values"):
        InputScaling(action_scale=torch.zeros(7))
    with pytest.raises(BadValueError, match="state_mean has shape"):
        InputScaling(state_mean=torch.zeros(6))


def test_first_weights_follow_the_seed_and_shrink_with_depth() -> None:
    first, second = (ACPredictor(SMALL, torch.Generator().manual_seed(3)) for _ in range(2))
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)
    stds = [float(block.mlp.fc2.weight.detach().std()) for block in first.predictor_blocks]
    assert stds[0] == pytest.approx(0.02 / 2**0.5, rel=0.05)
    assert stds[1] == pytest.approx(0.02 / 4**0.5, rel=0.05)


def test_zero_output_and_extrinsics() -> None:
    config = PredictorConfig(
        token_width=24,
        grid=(2, 3),
        width=48,
        depth=1,
        heads=2,
        zero_init_output=True,
        use_extrinsics=True,
    )
    predictor = ACPredictor(config)
    arguments = torch.randn(2, 3, 6, 24), torch.randn(2, 3, 7), torch.randn(2, 3, 7)
    assert not predictor(*arguments, torch.randn(2, 3, 6)).any()
    with pytest.raises(BadValueError, match="needs extrinsics"):
        predictor(*arguments)


def test_impossible_sizes_are_refused() -> None:
    with pytest.raises(BadValueError, match="image_size 100 is not a multiple"):
        EncoderConfig(image_size=100)
    with pytest.raises(BadValueError, match="5 heads"):
        EncoderConfig(heads=5)
    with pytest.raises(BadValueError, match="5 heads"):
        PredictorConfig(heads=5)


@pytest.mark.parametrize(
    "make",
    [EncoderConfig, PredictorConfig, PredictorSize, DecoderSize, MaskPredictorConfig, ChangeConfig],
)
def test_sizes_are_whole_numbers_from_one_up(make: Any) -> None:
    for name in ("width", "depth", "heads"):
        for value in (0, -1, 1.5):
            with pytest.raises(BadValueError, match=f"{name} is {value}, expected a whole number"):
                make(**{name: value})


@pytest.mark.parametrize(
    "make", [EncoderConfig, PredictorConfig, PredictorSize, DecoderSize, MaskPredictorConfig]
)
def test_an_mlp_has_a_width(make: Any) -> None:
    for value in (0, -1.0, math.nan, math.inf, None):
        with pytest.raises(BadValueError, match=f"mlp_ratio is {value}, expected more than 0"):
            make(mlp_ratio=value)


def test_settings_of_the_optimiser_are_in_their_range() -> None:
    for value in (math.nan, -0.1):
        with pytest.raises(BadValueError, match=f"weight_decay is {value}, expected 0 or more"):
            AdamWConfig(weight_decay=value)
        with pytest.raises(BadValueError, match=f"clip_norm is {value}, expected more than 0"):
            AdamWConfig(clip_norm=value)
    assert AdamWConfig(clip_norm=math.inf).clip_norm == math.inf


def test_betas_and_momentum_are_shares() -> None:
    with pytest.raises(BadValueError, match="betas"):
        AdamWConfig(betas=(0.9, 1.0))
    for momentum in (1.5, -1.0):
        with pytest.raises(BadValueError, match="momentum is"):
            PretrainConfig(momentum=momentum)
    with pytest.raises(BadValueError, match=r"clips\.frames is 20; the predictor sees 16"):
        TrainConfig(clips=ClipConfig(frames=20))

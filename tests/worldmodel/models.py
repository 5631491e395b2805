"""Models small enough for a blink, and where the golden numerics lie."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from armchair.worldmodel.encoder import EncoderConfig, FrameEncoder
from armchair.worldmodel.model import WorldModel
from armchair.worldmodel.model_files import WorldModelConfig
from armchair.worldmodel.predictor import ACPredictor, PredictorConfig
from armchair.worldmodel.statistics import InputScaling, LatentStatistics

GOLDEN = Path(__file__).parents[1] / "golden"

GOLDEN_CONFIG = WorldModelConfig(
    encoder=EncoderConfig(image_size=64, width=64, depth=2, heads=1),
    predictor=PredictorConfig(token_width=64, grid=(4, 4), width=128, depth=2, heads=2),
    sandbox=False,
    seconds_per_step=4 / 15,
)
"""The architecture in tests/golden/tiny64.json."""


def tiny_sandbox(seed: int = 0) -> WorldModel:
    """Return a sandbox model with weights large enough that everything it reads matters."""
    generator = torch.Generator().manual_seed(seed)

    def drawn(size: int) -> Tensor:
        return torch.rand(size, generator=generator) + 0.5

    encoder = FrameEncoder(EncoderConfig(image_size=32, width=24, depth=1, heads=2))
    config = PredictorConfig(token_width=24, grid=(2, 2), width=48, depth=2, heads=2, max_frames=8)
    model = WorldModel(
        encoder,
        ACPredictor(config, generator),
        statistics=LatentStatistics(drawn(24), drawn(24), drawn(24)),
        scaling=InputScaling(drawn(7), drawn(7), drawn(7)),
    )
    for parameter in model.parameters():
        parameter.data.normal_(std=0.2, generator=generator)
    return model.requires_grad_(False).eval()

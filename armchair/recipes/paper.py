"""The paper's sizes and settings (V-JEPA 2, sections 2 and 3, appendices A.1 and B.1), for GPUs."""

from __future__ import annotations

from armchair.worldmodel.encoder import EncoderConfig
from armchair.worldmodel.optimisation.adamw import AdamWConfig
from armchair.worldmodel.optimisation.schedule import Schedule
from armchair.worldmodel.training.clips import ClipConfig
from armchair.worldmodel.training.learner import PredictorSize, TrainConfig

ENCODERS = {
    "vit-l": EncoderConfig(image_size=256, width=1024, depth=24, heads=16),
    "vit-h": EncoderConfig(image_size=256, width=1280, depth=32, heads=16),
    "vit-g": EncoderConfig(image_size=256, width=1408, depth=40, heads=22, mlp_ratio=48 / 11),
}
"""Encoders of the released checkpoints at 256 pixels."""
STEPS = 94_500
"""Warmup 4,500, constant 85,500, decay 4,500."""


def train() -> TrainConfig:
    """Return the 300M predictor's training; clips of 16 frames at 4 per second."""
    return TrainConfig(
        predictor=PredictorSize(width=1024, depth=24, heads=16, max_frames=64),
        clips=ClipConfig(batch=256, frames=16, gap_rows=(4, 4), max_move=1.0),
        schedule=Schedule(
            peak=4.25e-4,
            warmup_share=4_500 / STEPS,
            decay_share=4_500 / STEPS,
            start_ratio=7.5e-5 / 4.25e-4,
        ),
        optimiser=AdamWConfig(weight_decay=0.04, betas=(0.9, 0.999)),
        average_share=0.0,
    )

"""The paper's sizes and settings (V-JEPA 2, sections 2 and 3, appendices A.1 and B.1), for GPUs."""

from __future__ import annotations

from armchair.worldmodel.official import VIT_G, VIT_G_384, VIT_H, VIT_L
from armchair.worldmodel.optimisation.adamw import AdamWConfig
from armchair.worldmodel.optimisation.schedule import Schedule
from armchair.worldmodel.training.clips import ClipConfig
from armchair.worldmodel.training.learner import PredictorSize, TrainConfig

ENCODERS = {"vit-l": VIT_L, "vit-h": VIT_H, "vit-g": VIT_G, "vit-g-384": VIT_G_384}
"""Encoders of the released checkpoints."""
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

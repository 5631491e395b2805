"""The paper's sizes and settings (V-JEPA 2, sections 2 and 3, appendices A.1 and B.1), for GPUs."""

from __future__ import annotations

from dataclasses import replace

from armchair.worldmodel.data.frame_store import StoreConfig
from armchair.worldmodel.encoder import EncoderConfig
from armchair.worldmodel.official import VIT_G, VIT_H, VIT_L
from armchair.worldmodel.optimisation.adamw import AdamWConfig
from armchair.worldmodel.optimisation.schedule import Schedule
from armchair.worldmodel.pretraining.clips import ClipConfig as VideoClipConfig
from armchair.worldmodel.pretraining.learner import REFERENCE_MOMENTUM, PretrainConfig
from armchair.worldmodel.pretraining.network import MaskPredictorConfig
from armchair.worldmodel.training.clips import ClipConfig
from armchair.worldmodel.training.learner import PredictorSize, TrainConfig

ENCODERS = {"paper": VIT_L, "paper-vith": VIT_H, "paper-vitg": VIT_G}
"""Encoders by preset; after its cooldown ViT-g's is as large as the released one at 384 pixels."""
STEPS = 94_500
"""Warmup 4,500, constant 85,500, decay 4,500."""


PRETRAIN_STEPS = 240_000
"""Warmup 12,000 and 228,000 constant; the cooldown of 12,000 is a run of its own."""


COOLDOWN_STEPS = 12_000
COOLDOWN_WARMUP = 0.01
"""Share of a cooldown in which the rate rises again."""


def frames(image_size: int) -> StoreConfig:
    """Return the frame store for pictures of a size, with a margin, at about 4 frames a second."""
    return StoreConfig(size=image_size * 9 // 8, row_stride=4)


def pretrain(encoder: EncoderConfig = VIT_L) -> PretrainConfig:
    """Return the primary phase (table 9); its batch of 3072 is over all processes, 24 at once."""
    return PretrainConfig(
        encoder=encoder,
        predictor=MaskPredictorConfig(width=384, depth=12, heads=12),
        clips=VideoClipConfig(
            batch=3072,
            at_once=24,
            still_share=0.25,
            still_frames=16,
            clip_frames=16,
            crop_scale=(0.3, 1.0),
        ),
        checkpointing=True,
        rescaled_blocks=True,
        schedule=Schedule(
            peak=5.25e-4,
            warmup_share=12_000 / PRETRAIN_STEPS,
            decay_share=0.0,
            start_ratio=1e-4 / 5.25e-4,
        ),
        momentum=REFERENCE_MOMENTUM,
    )


def cooldown(encoder: EncoderConfig = VIT_L) -> PretrainConfig:
    """Return the cooldown: 64 frames of 384 pixels, the rate falling to 1e-6 (table 9).

    The paper's has no warmup, as it keeps the optimiser's moments. Ours starts with fresh ones,
    from a relay: a short rise keeps the first steps, whose size they do not bound yet, small.
    """
    primary = pretrain(encoder)
    return replace(
        primary,
        encoder=replace(encoder, image_size=384),
        clips=replace(primary.clips, clip_frames=64, at_once=2),
        schedule=Schedule(
            peak=5.25e-4,
            warmup_share=COOLDOWN_WARMUP,
            decay_share=1.0 - COOLDOWN_WARMUP,
            final_ratio=1e-6 / 5.25e-4,
        ),
    )


def train() -> TrainConfig:
    """Return the 300M predictor's training; clips of 16 frames at 4 per second.

    Without the random crops of appendix B.1, as tokens are made once, and with gradients cut to a
    norm of 1, of which it says nothing.
    """
    return TrainConfig(
        predictor=PredictorSize(width=1024, depth=24, heads=16, max_frames=16),
        clips=ClipConfig(batch=256, frames=16, gap_rows=(4, 4), max_move=1.0),
        schedule=Schedule(
            peak=4.25e-4,
            warmup_share=4_500 / STEPS,
            decay_share=4_500 / STEPS,
            start_ratio=7.5e-5 / 4.25e-4,
        ),
        optimiser=AdamWConfig(weight_decay=0.04, betas=(0.9, 0.999)),
        statistics="none",
        checkpointing=True,
        average_share=0.0,
    )

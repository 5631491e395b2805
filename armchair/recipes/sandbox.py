"""The sandbox model: small enough for two CPU cores and for a wheel."""

from __future__ import annotations

from dataclasses import replace

from armchair.worldmodel.data.frame_store import StoreConfig
from armchair.worldmodel.encoder import EncoderConfig
from armchair.worldmodel.optimisation.adamw import AdamWConfig
from armchair.worldmodel.optimisation.schedule import Schedule
from armchair.worldmodel.pretraining.change import ChangeConfig
from armchair.worldmodel.pretraining.clips import ClipConfig as VideoClipConfig
from armchair.worldmodel.pretraining.learner import PretrainConfig
from armchair.worldmodel.pretraining.network import MaskPredictorConfig
from armchair.worldmodel.training.clips import ClipConfig
from armchair.worldmodel.training.learner import PredictorSize, TrainConfig


def pretrain() -> PretrainConfig:
    """Return pre-training of a 1.4M encoder on 128-pixel pairs, clips and repeated stills.

    Small, because on two cores many steps of a small encoder teach more than few of a large one.
    """
    return PretrainConfig(
        encoder=EncoderConfig(image_size=128, patch_size=16, width=128, depth=6, heads=4),
        predictor=MaskPredictorConfig(width=96, depth=2, heads=4),
        clips=VideoClipConfig(
            batch=16,
            still_share=0.75,
            clip_frames=4,
            crop_scale=(0.6, 1.0),
            crop_aspect=(0.85, 1.2),
        ),
        change=ChangeConfig(pairs=32),
        schedule=Schedule(peak=2e-3, warmup_share=0.03, decay_share=0.3),
    )


def cooldown() -> PretrainConfig:
    """Return the cooldown: twice as long clips of 192 pixels, the rate falling to nothing.

    It rises first, for a moment, as the optimiser is fresh.
    """
    primary = pretrain()
    return replace(
        primary,
        encoder=replace(primary.encoder, image_size=192),
        clips=replace(primary.clips, batch=24, clip_frames=8),
        schedule=Schedule(peak=6e-4, warmup_share=0.01, decay_share=0.99),
    )


def cooldown_frames() -> StoreConfig:
    """Return the frame store that `cooldown` reads: larger pictures need a store of their own."""
    return StoreConfig(size=208)


def train() -> TrainConfig:
    """Return AC training of a 1.8M predictor on three-frame clips with random gaps.

    Small batches and a narrow predictor for the same reason: steps count.
    """
    return TrainConfig(
        predictor=PredictorSize(width=192, depth=4, heads=4),
        clips=ClipConfig(batch=32, frames=3, gap_rows=(4, 24), max_move=0.13, backward_share=0.5),
        schedule=Schedule(peak=1e-3, warmup_share=0.05, decay_share=0.3),
        optimiser=AdamWConfig(weight_decay=0.04, betas=(0.9, 0.95)),
    )

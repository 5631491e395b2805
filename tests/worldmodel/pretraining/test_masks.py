"""Multiblock masks."""

from __future__ import annotations

import pytest
import torch

from armchair.worldmodel.pretraining.masks import PAPER_MASKS, MaskConfig, sample_mask

GRID = (8, 8)


@pytest.mark.parametrize("config", PAPER_MASKS)
@pytest.mark.parametrize("tubelets", [1, 2])
def test_kept_and_hidden(config: MaskConfig, tubelets: int) -> None:
    mask = sample_mask(config, GRID, tubelets, 16, torch.Generator().manual_seed(0))
    for kept, hidden in zip(mask.kept, mask.hidden, strict=True):
        assert not set(kept.tolist()) & set(hidden.tolist())
        assert (kept.diff() > 0).all()
        assert (hidden.diff() > 0).all()
        for places in (kept, hidden):  # the mask spans the whole clip
            in_frame = (places % 64).view(tubelets, -1)
            assert (in_frame == in_frame[0]).all()
            assert len(places) > 0
    assert mask.kept.shape[1] >= config.min_kept * tubelets
    assert int(mask.hidden.max()) < 64 * tubelets


def test_long_range_masks_hide_more() -> None:
    generator = torch.Generator().manual_seed(0)
    short, long = (
        sum(sample_mask(c, GRID, 1, 32, generator).kept.shape[1] for _ in range(20))
        for c in PAPER_MASKS
    )
    assert long < short / 1.5


def test_the_same_generator_gives_the_same_mask() -> None:
    first, second = (
        sample_mask(PAPER_MASKS[0], GRID, 1, 4, torch.Generator().manual_seed(3)) for _ in range(2)
    )
    assert torch.equal(first.kept, second.kept)


def test_a_block_that_fills_the_frame_still_leaves_something() -> None:
    config = MaskConfig(blocks=1, spatial_scale=1.0, aspect=(1.0, 1.0))
    mask = sample_mask(config, (4, 4), 1, 3, torch.Generator().manual_seed(0))
    assert mask.kept.shape == (3, 4)
    assert mask.hidden.shape == (3, 12)

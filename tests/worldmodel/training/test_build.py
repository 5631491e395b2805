"""What a new model says of itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from armchair.worldmodel.encoder import FrameEncoder
from armchair.worldmodel.training.build import build_model
from armchair.worldmodel.training.clips import ClipConfig, ClipSampler
from armchair.worldmodel.training.token_cache import TokenCache
from tests.worldmodel.training.test_train import RECIPE


@pytest.mark.parametrize(
    ("gap_rows", "rows"), [((4, 4), 4), ((4, 24), 4), ((16, 16), 16), ((5, 8), 8)]
)
@pytest.mark.parametrize("statistics", ["change", "none"])
def test_a_step_lasts_as_long_as_the_shortest_gap(
    cache: TokenCache,
    encoder: FrameEncoder,
    gap_rows: tuple[int, int],
    rows: int,
    statistics: str,
) -> None:
    clips = ClipConfig(gap_rows=gap_rows, max_move=1.0)
    config = replace(RECIPE, clips=clips, statistics=statistics)
    model = build_model(encoder, config, ClipSampler(cache, clips), 0)
    assert model.seconds_per_step == rows / 15

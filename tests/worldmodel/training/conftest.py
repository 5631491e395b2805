"""A tiny encoder and a cache of tiny episodes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from armchair.sim.droid_writer import write_episode
from armchair.worldmodel.data.episodes import DroidEpisodes
from armchair.worldmodel.encoder import EncoderConfig, FrameEncoder
from armchair.worldmodel.training.cache_layout import CacheConfig
from armchair.worldmodel.training.token_cache import TokenCache, update_cache
from tests.factories import make_episode


@pytest.fixture(scope="session")
def encoder() -> FrameEncoder:
    torch.manual_seed(0)
    config = EncoderConfig(image_size=32, patch_size=16, width=24, depth=1, heads=2)
    return FrameEncoder(config).requires_grad_(False).eval()


@pytest.fixture(scope="session")
def episodes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("episodes")
    for index in range(4):
        write_episode(root, make_episode(index, rows=60))
    return root


@pytest.fixture(scope="session")
def cache(
    episodes: Path, encoder: FrameEncoder, tmp_path_factory: pytest.TempPathFactory
) -> TokenCache:
    folder = tmp_path_factory.mktemp("cache")
    return update_cache(folder, DroidEpisodes(episodes), encoder, CacheConfig())

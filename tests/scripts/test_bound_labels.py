"""The bound by labels: tokens learn to tell what they are trained on, of the rows that it is."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from armchair.sim.collect import collect
from armchair.worldmodel.data.episodes import DroidEpisodes
from armchair.worldmodel.encoder import EncoderConfig, FrameEncoder
from tests.scripts.tables import written
from tests.sim.collecting import TINY

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return importlib.import_module("bound_labels")


def test_labels_are_of_the_rows_whose_frames_are_stored(script: ModuleType, tmp_path: Path) -> None:
    assert list(collect(TINY, tmp_path / "episodes")) == [0, 1]
    frames, labels = script.frames_and_labels(tmp_path / "episodes", tmp_path / "frames")
    states = [episode.states()[::4, :3] for episode in DroidEpisodes(tmp_path / "episodes")]
    np.testing.assert_allclose(labels[:, :3], np.concatenate(states), atol=1e-6)
    assert labels.shape == (len(frames), 6)
    assert frames.shape[1:] == (144, 144, 3)
    assert frames.float().std() > 10


def test_tokens_learn_what_they_are_trained_on(script: ModuleType) -> None:
    torch.manual_seed(0)
    encoder = FrameEncoder(EncoderConfig(image_size=32, width=32, depth=1, heads=2))
    before = [p.clone() for p in encoder.parameters()]
    frames = torch.zeros(256, 32, 32, 3, dtype=torch.uint8)
    places = torch.randint(0, 26, (256, 2))
    for frame, (row, column) in zip(frames, places.tolist(), strict=True):
        frame[row : row + 6, column : column + 6] = 255
    reader = script.learn(encoder, frames, places.float() / 100, 150, 0)
    assert any(not torch.equal(p, q) for p, q in zip(before, encoder.parameters(), strict=True))
    with torch.no_grad():
        found = reader(script.layer_normalised(encoder(frames)).flatten(1))
    aim = (places.float() - places.float().mean(0)) / places.float().std(0)
    assert (found - aim).square().mean() < 0.1  # 1 for always saying the mean


def test_the_table_holds_what_was_probed(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, flange in (("default", 1.92), ("encoder", 1.25)):
        probes = {label: {"ridge": flange, "attentive": 2 * flange} for label in script.LABELS}
        content = {"code": "0123456789abcdef", "processor": "a processor", "episodes": 40}
        (tmp_path / f"{name}.json").write_text(
            json.dumps(content | {"fitted_on": 640, "probes": probes})
        )
    text = written(script, tmp_path, monkeypatch, (script.BEGIN, script.END))
    assert "| as it ships | 1.92 / 3.84 | 1.92 / 3.84 |" in text
    assert "| trained on, with labels | 1.25 / 2.50 | 1.25 / 2.50 |" in text

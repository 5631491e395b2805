"""The picture of keypoints: what a relay found, where it stands in the frame, and bad relays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from armchair.cli.main import main
from armchair.errors import BadFileError
from armchair.sim.droid_writer import write_episode
from armchair.worldmodel.data.episodes import DroidEpisodes
from armchair.worldmodel.packed_tensors import write_packed
from armchair.worldmodel.pretraining.keypoint_sheet import (
    FRAME_PX,
    _drawn,
    keypoint_sheet,
    load_keypoints,
)
from armchair.worldmodel.pretraining.learner import PretrainLearner
from armchair.worldmodel.pretraining.run import write_relay
from tests.factories import make_episode
from tests.worldmodel.pretraining.test_change import CHANGE, RECIPE, MovingSquares


@pytest.fixture
def relay(tmp_path: Path) -> Path:
    recipe = replace(RECIPE, change=replace(CHANGE, keypoints=3))
    learner = PretrainLearner(recipe, MovingSquares(), 0)
    write_relay(tmp_path / "relay.safetensors", learner, 0)
    return tmp_path / "relay.safetensors"


@pytest.fixture
def episodes(tmp_path: Path) -> Path:
    for index in range(5):
        write_episode(tmp_path / "data", make_episode(index))
    return tmp_path / "data"


def test_a_relay_holds_its_encoder_and_keypoints(relay: Path) -> None:
    encoder, keypoints = load_keypoints(relay)
    assert encoder.config == RECIPE.encoder
    assert keypoints.count == 3
    assert keypoints.places.shape == (16, 2)
    assert not any(p.requires_grad for p in (*encoder.parameters(), *keypoints.parameters()))


def test_dots_stand_where_the_keypoints_are() -> None:
    grey = np.full((64, 64, 3), 128, np.uint8)
    drawn = _drawn(grey, torch.tensor([[0.25, 0.75], [0.5, 0.5]]), [0])
    touched = np.argwhere((drawn != 128).any(2))
    assert np.abs(touched - [0.25 * FRAME_PX, 0.75 * FRAME_PX]).max() < 20
    assert (drawn[80, 236:245].max(1) > 200).any(), "in a bright colour"


def test_the_picture_by_the_command(relay: Path, episodes: Path, tmp_path: Path) -> None:
    out = tmp_path / "pictures" / "keypoints.png"
    assert main(["inspect", str(episodes), "--keypoints", str(out), "--relay", str(relay)]) == 0
    with Image.open(out) as picture:
        assert picture.size == (4 * FRAME_PX, 2 * FRAME_PX)
        assert np.asarray(picture)[FRAME_PX:, FRAME_PX:].min() == 255, "five frames, then white"


def test_only_keypoints_that_move_are_drawn(relay: Path, episodes: Path) -> None:
    encoder, keypoints = load_keypoints(relay)
    handles = list(DroidEpisodes(episodes))
    torch.nn.init.zeros_(keypoints.find.weight)  # all stay in the middle
    still = keypoint_sheet(encoder, keypoints, handles)
    frames = np.hstack(
        [_drawn(h.frames([(h.length - 1) // 2])[0], torch.zeros(3, 2), []) for h in handles[:4]]
    )
    np.testing.assert_array_equal(still[:FRAME_PX], frames)


def test_one_episode_is_enough(
    relay: Path, episodes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("armchair.worldmodel.pretraining.keypoint_sheet.MOVES", 1e-6)
    encoder, keypoints = load_keypoints(relay)
    handle = next(iter(DroidEpisodes(episodes)))
    drawn = keypoint_sheet(encoder, keypoints, [handle])[:FRAME_PX, :FRAME_PX]
    plain = _drawn(handle.frames([(handle.length - 1) // 2])[0], torch.zeros(3, 2), [])
    assert (drawn != plain).any()


def test_relays_without(relay: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = PretrainLearner(RECIPE, MovingSquares(), 0)
    write_relay(tmp_path / "plain.safetensors", plain, 0)
    with pytest.raises(BadFileError, match="it has no keypoints"):
        load_keypoints(tmp_path / "plain.safetensors")
    recipe = replace(RECIPE, change=replace(CHANGE, keypoints=3))
    state = PretrainLearner(recipe, MovingSquares(), 0).network.state_dict()
    write_packed(tmp_path / "odd.safetensors", state, {"size": "{"})
    with pytest.raises(BadFileError, match="size cannot be read"):
        load_keypoints(tmp_path / "odd.safetensors")
    assert main(["inspect", str(tmp_path), "--relay", str(relay)]) == 2
    assert "--keypoints and --relay go together" in capsys.readouterr().err

"""`armchair imagine` on tiny episodes: pictures, numbers, and one line for bad input."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from armchair.cli.main import main
from armchair.evaluation.imagination import Frames, roll_out, with_gripper
from armchair.evaluation.strips import GAP, LEFT, SIDE, TOP, draw_strips
from armchair.poses import difference
from armchair.sim.droid_writer import write_episode
from armchair.worldmodel.data.episodes import DroidEpisodes
from armchair.worldmodel.decoding.files import load_decoder, save_decoder
from armchair.worldmodel.decoding.learner import as_seen
from armchair.worldmodel.decoding.network import DecoderSize, FrameDecoder
from armchair.worldmodel.model import WorldModel
from tests.factories import make_episode
from tests.worldmodel.models import tiny_sandbox

Array = NDArray[np.float64]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    model = tiny_sandbox()
    model.save_pretrained(folder)
    torch.manual_seed(0)
    decoder = FrameDecoder(model.encoder.config, DecoderSize(width=24, depth=1, heads=2))
    torch.nn.init.normal_(decoder.to_pixels.weight, std=0.3)
    save_decoder(folder, decoder, model.encoder)
    return folder


@pytest.fixture(scope="module")
def episodes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("episodes")
    write_episode(root, make_episode(0, rows=40))
    return root


def command(model: Path, episodes: Path, out: Path, *more: str) -> int:
    places = ["--episodes", str(episodes), "--model", str(model), "--out", str(out)]
    return main(["imagine", *places, *more])


def clip(model: Path, episodes: Path) -> tuple[WorldModel, Frames, Array, Array]:
    """Return the model, and six frames, states and the actions between, one model step apart."""
    episode, rows = DroidEpisodes(episodes)[0], list(range(0, 24, 4))
    states = episode.states()[rows]
    loaded = WorldModel.from_pretrained(model)
    return loaded, episode.frames(rows), states, difference(states[:-1], states[1:])


def assert_shows(path: Path, rows: dict[str, torch.Tensor]) -> None:
    """A picture's tiles are these rows of frames, up to rounding on another device."""
    draw_strips(path.with_name("wanted.png"), {n: r.numpy() for n, r in rows.items()}, [])
    with Image.open(path) as one, Image.open(path.with_name("wanted.png")) as other:
        found, wanted = (np.asarray(picture)[TOP:, LEFT:] for picture in (one, other))
    np.testing.assert_allclose(found.astype(int), wanted, atol=2)


def test_pictures_and_numbers(model: Path, episodes: Path, tmp_path: Path) -> None:
    assert command(model, episodes, tmp_path, "--steps", "5") == 0
    numbers = json.loads((tmp_path / "imagine.json").read_text())
    assert len(numbers["errors"]) == len(numbers["copy_errors"]) == 5
    loaded, frames, states, actions = clip(model, episodes)
    decoder = load_decoder(model, loaded.encoder)
    latents = loaded.encode(frames)
    tokens = loaded.tokens_of(latents)
    predicted = roll_out(loaded, latents[:1], states[0], actions)
    for name, found in (("errors", predicted), ("copy_errors", tokens[:1])):
        wanted = (found - tokens[1:]).abs().mean((1, 2))
        np.testing.assert_allclose(numbers[name], wanted, rtol=1e-5)
    real = as_seen(torch.from_numpy(frames), loaded.encoder.config.side)
    decoded = decoder.pictures(tokens)
    noise = (decoded / 255 - real).square().mean()
    assert numbers["decoder_psnr_db"] == pytest.approx(float(-10 * noise.log10()), abs=1e-3)
    imagined = decoder.pictures(torch.cat([tokens[:1], predicted]))
    rows = {"real": (255 * real).round().byte(), "decoded": decoded, "imagined": imagined}
    assert_shows(tmp_path / "rollout.png", rows)


def test_the_gripper_open_above_and_closed_below(
    model: Path, episodes: Path, tmp_path: Path
) -> None:
    assert command(model, episodes, tmp_path, "--steps", "5") == 0
    loaded, frames, states, actions = clip(model, episodes)
    decoder, latents = load_decoder(model, loaded.encoder), loaded.encode(frames[:1])
    rows = {}
    for name, target in (("open", 0.0), ("closed", 1.0)):
        changed = with_gripper(actions, states[0, 6], target)
        predicted = roll_out(loaded, latents, states[0], changed)
        rows[name] = decoder.pictures(torch.cat([loaded.tokens_of(latents), predicted]))
    apart = (rows["open"].int() - rows["closed"].int()).abs().amax((1, 2, 3))
    assert apart[0] == 0
    assert apart[1:].min() > 5
    assert_shows(tmp_path / "gripper.png", rows)


def test_given_actions(model: Path, episodes: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.tile([0.0, 0.05, 0, 0, 0, 0, 0], (4, 1)))
    assert command(model, episodes, tmp_path / "a", "--actions", str(tmp_path / "a.npy")) == 0
    numbers = json.loads((tmp_path / "a" / "imagine.json").read_text())
    assert numbers["errors"] is None
    assert numbers["actions"].endswith("a.npy")
    with Image.open(tmp_path / "a" / "rollout.png") as picture:
        assert picture.width == LEFT + 5 * (SIDE + GAP), "the first frame and one per action"
    for odd in ('{"actions": []}', "[[50, 0, 0, 0, 0, 0, 0]]", "[[0, 0, 0, 0, 0, 90, 0]]"):
        (tmp_path / "a.json").write_text(odd)
        assert command(model, episodes, tmp_path / "b", "--actions", str(tmp_path / "a.json")) == 2
    (tmp_path / "empty.npy").touch()
    given = str(tmp_path / "empty.npy")
    assert command(model, episodes, tmp_path / "b", "--actions", given) == 2
    (tmp_path / "a.json").write_text("[[1, 2]]")
    assert command(model, episodes, tmp_path / "b", "--actions", str(tmp_path / "a.json")) == 2


def test_as_many_steps_as_there_are_actions(
    model: Path, episodes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for count in (3, 7, 12):
        np.save(tmp_path / f"{count}.npy", np.zeros((count, 7)))
        given = ["--actions", str(tmp_path / f"{count}.npy")]
        fits = count < 10  # of 40 rows, every fourth
        assert command(model, episodes, tmp_path / str(count), *given) == (0 if fits else 2)
        if fits:
            with Image.open(tmp_path / str(count) / "rollout.png") as picture:
                assert picture.width == LEFT + (count + 1) * (SIDE + GAP)
    assert "lower the number of --actions or --start-row" in capsys.readouterr().err
    assert command(model, episodes, tmp_path / "x", *given, "--steps", "8") == 2
    assert "12.npy: 12 actions, --steps is 8. Leave out --steps." in capsys.readouterr().err
    assert command(model, episodes, tmp_path / "x", "--steps", "0") == 2


def test_the_gripper_goes_and_stays() -> None:
    changed = with_gripper(np.full((3, 7), 0.1), now=0.3, target=1.0)
    np.testing.assert_allclose(changed[:, 6], [0.7, 0, 0])
    np.testing.assert_allclose(changed[:, :6], 0.1)


def test_bad_input(
    model: Path, episodes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(model, episodes, tmp_path, "--steps", "11") == 2
    assert "40 rows are too few for 11 steps of 4 rows" in capsys.readouterr().err
    assert command(model, episodes, tmp_path, "--index", "1") == 2
    assert "holds 1 episode(s); give 0 … 0." in capsys.readouterr().err
    tiny_sandbox().save_pretrained(tmp_path / "bare")
    assert command(tmp_path / "bare", episodes, tmp_path) == 2
    complaint = capsys.readouterr().err
    assert "no decoder here" in complaint
    assert "--decoder OUT/decoder" in complaint

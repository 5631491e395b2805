"""Saving and loading: bit-exact, and one clear error for everything that can be wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from armchair.cli.main import main
from armchair.errors import BadFileError, BadValueError, UnknownNameError
from armchair.worldmodel import meta, model_files
from armchair.worldmodel.model import WorldModel
from armchair.worldmodel.predictor import PredictorConfig
from tests.worldmodel.models import GOLDEN, GOLDEN_CONFIG

FRAMES = np.random.default_rng(0).integers(0, 256, (2, 40, 40, 3), dtype=np.uint8)


def edited(folder: Path, **changes: object) -> Path:
    """Change the predictor's entries in a folder's config."""
    path = folder / model_files.CONFIG
    content = json.loads(path.read_text())
    content["predictor"] |= changes
    path.write_text(json.dumps(content))
    return folder


@pytest.fixture
def saved(sandbox: WorldModel, tmp_path: Path) -> Path:
    sandbox.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def test_round_trip_keeps_every_bit(sandbox: WorldModel, saved: Path) -> None:
    state = torch.random.get_rng_state()
    loaded = WorldModel.from_pretrained(saved)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert loaded.state_dict().keys() == sandbox.state_dict().keys()
    for name, value in sandbox.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name
    assert torch.equal(loaded.encode(FRAMES), sandbox.encode(FRAMES))
    assert not loaded.training
    assert not any(p.requires_grad for p in loaded.parameters())


def test_bfloat16_on_disk_rounds_once_and_spares_statistics(
    sandbox: WorldModel, tmp_path: Path
) -> None:
    sandbox.save_pretrained(tmp_path / "a", torch.bfloat16)
    rounded = WorldModel.from_pretrained(str(tmp_path / "a"))
    assert rounded.predictor.predictor_proj.weight.dtype == torch.float32
    assert rounded.statistics is not None
    assert sandbox.statistics is not None
    assert torch.equal(rounded.statistics.change_scale, sandbox.statistics.change_scale)
    rounded.save_pretrained(tmp_path / "b", torch.bfloat16)
    first, second = ((tmp_path / x / model_files.WEIGHTS).read_bytes() for x in "ab")
    assert first == second


def test_a_card_of_other_weights_does_not_stay(sandbox: WorldModel, saved: Path) -> None:
    sandbox.save_pretrained(saved, card="# Of these\n")
    with pytest.raises(BadFileError, match=r"README\.md: .*not its\. Move or delete it"):
        sandbox.save_pretrained(saved)
    sandbox.save_pretrained(saved, card="# Of those\n")
    assert (saved / model_files.CARD).read_text() == "# Of those\n"
    for layout in ("armchair", "huggingface"):
        command = ["convert", "--source", str(saved), "--to", layout, "--out", str(saved)]
        assert main(command) == 2


def test_a_paper_model_round_trips(golden_model: WorldModel, tmp_path: Path) -> None:
    golden_model.save_pretrained(tmp_path)
    loaded = WorldModel.from_pretrained(tmp_path)
    assert not loaded.sandbox
    assert torch.equal(loaded.encode(FRAMES), golden_model.encode(FRAMES))


def test_unknown_name_lists_the_known() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown model 'nope'.*Known: default"):
        WorldModel.from_pretrained("nope")


def test_missing_default_says_how_to_make_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(model_files, "SHIPPED", tmp_path)
    with pytest.raises(BadFileError, match=r"no default model.*make model"):
        WorldModel.from_pretrained("default")


def test_missing_folder_and_file_for_folder(tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match="no such folder"):
        WorldModel.from_pretrained(Path("runs/none"))
    with pytest.raises(BadFileError, match=r"config\.json: there is no such file"):
        WorldModel.from_pretrained(tmp_path)
    file = tmp_path / "model.bin"
    file.touch()
    with pytest.raises(BadFileError, match="a file, not a model's folder"):
        WorldModel.from_pretrained(file)


def test_another_architecture_names_tensor_and_shapes(saved: Path) -> None:
    with pytest.raises(BadFileError, match=r"predictor\.\S+ has shape \(\d.*expected \(\d.*Give"):
        WorldModel.from_pretrained(edited(saved, width=96))
    with pytest.raises(BadFileError, match=r"predictor_blocks\.2\.\S+ \([\d, ]+\) is missing"):
        WorldModel.from_pretrained(edited(saved, width=48, depth=3))
    with pytest.raises(BadFileError, match=r"predictor_blocks\.1\.\S+ \([\d, ]+\) has no place"):
        WorldModel.from_pretrained(edited(saved, depth=1))


@pytest.mark.parametrize(
    "changes",
    [
        {"token_width": 32},
        {"heads": 5},
        {"breadth": 1},
        {"mlp_ratio": None},
        {"grid": [2.0, 2]},
        {"grid": [2]},
        {"max_frames": 1_000_000},
        {"context_frames": 2.5},
    ],
)
def test_impossible_config(saved: Path, changes: dict[str, object]) -> None:
    with pytest.raises(BadFileError, match=r"config\.json: not a world model's config"):
        WorldModel.from_pretrained(edited(saved, **changes))


@pytest.mark.parametrize("seconds", [0, -1.0, "x", None])
def test_a_step_takes_time(saved: Path, seconds: object) -> None:
    path = saved / model_files.CONFIG
    path.write_text(json.dumps(json.loads(path.read_text()) | {"seconds_per_step": seconds}))
    with pytest.raises(
        BadFileError, match=rf"config\.json: .*seconds_per_step is {seconds}, expec"
    ):
        WorldModel.from_pretrained(saved)


def test_sizes_beyond_all_memory(saved: Path) -> None:
    with pytest.raises(BadFileError, match=r"config\.json: no network of the size"):
        WorldModel.from_pretrained(edited(saved, mlp_ratio=1e15))


@pytest.mark.parametrize(
    "text", ["", "[]", '{"kind": "frame-encoder"}', '{"kind": 1, "format": 9}']
)
def test_config_of_something_else(saved: Path, text: str) -> None:
    (saved / model_files.CONFIG).write_text(text)
    with pytest.raises(BadFileError, match=r"config\.json: "):
        WorldModel.from_pretrained(saved)


@pytest.mark.parametrize("number", [torch.nan, torch.inf])
def test_weights_that_are_no_numbers(sandbox: WorldModel, tmp_path: Path, number: float) -> None:
    sandbox.predictor.predictor_proj.bias.data[3] = number
    sandbox.save_pretrained(tmp_path)
    with pytest.raises(BadFileError, match=r"safetensors: tensor predictor\.predictor_proj\.bias"):
        WorldModel.from_pretrained(tmp_path)


@pytest.mark.parametrize("keep", [0, 7, 1000])
def test_truncated_weights(saved: Path, keep: int) -> None:
    path = saved / model_files.WEIGHTS
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(BadFileError, match=r"model\.safetensors: not a whole safetensors file"):
        WorldModel.from_pretrained(saved)


def test_meta_checkpoint_of_another_architecture() -> None:
    wrong = model_files.WorldModelConfig(
        encoder=GOLDEN_CONFIG.encoder,
        predictor=PredictorConfig(token_width=64, grid=(4, 4), width=96, depth=2, heads=2),
        sandbox=False,
        seconds_per_step=0.27,
    )
    with pytest.raises(BadFileError, match=r"tiny64_ac\.pt \(predictor\): tensor \S+ has shape"):
        meta.load_ac(GOLDEN / "tiny64_ac.pt", wrong)


def test_meta_checkpoints_of_another_kind_or_damaged(tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match=r"action_encoder\.\S+ \([\d, ]+\) is missing"):
        meta.load_ac(GOLDEN / "tiny64_pretrain.pt", GOLDEN_CONFIG)
    cut = tmp_path / "cut.pt"
    cut.write_bytes((GOLDEN / "tiny64_ac.pt").read_bytes()[:5000])
    with pytest.raises(BadFileError, match=r"cut\.pt: not a checkpoint"):
        meta.load_ac(cut, GOLDEN_CONFIG)
    with pytest.raises(BadFileError, match="no such file"):
        meta.load_ac(tmp_path / "none.pt", GOLDEN_CONFIG)
    torch.save({"epoch": 1}, cut)
    with pytest.raises(BadFileError, match="no tensors under 'target_encoder'; it holds epoch"):
        meta.load_ac(cut, GOLDEN_CONFIG)


@pytest.mark.parametrize(
    ("frames", "says"),
    [
        (FRAMES.astype(np.float32) / 255, "dtype float32, expected uint8"),
        (FRAMES[0], r"shape \(40, 40, 3\), expected \(batch, height, width, 3\)"),
        (FRAMES.transpose(0, 3, 1, 2), r"shape \(2, 3, 40, 40\)"),
        (FRAMES[:0], "nothing to encode"),
    ],
)
def test_wrong_images(sandbox: WorldModel, frames: np.ndarray, says: str) -> None:
    with pytest.raises(BadValueError, match=says):
        sandbox.encode(frames)

"""Packed bfloat16 tensors: every bit comes back, and a damaged or hostile file is one line."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from armchair.errors import BadFileError
from armchair.worldmodel.packed_tensors import FORMAT, read_packed, write_packed


def weights(seed: int = 0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        "student.w": (0.02 * torch.randn(64, 300, generator=generator)).bfloat16(),
        "scale": torch.ones((), dtype=torch.bfloat16),
        "empty": torch.zeros(0, 3, dtype=torch.bfloat16),
    }


def test_every_bit_pattern_comes_back(tmp_path: Path) -> None:
    patterns = np.arange(1 << 16, dtype=np.uint16).reshape(256, 256)
    every = torch.from_numpy(patterns).view(torch.bfloat16)
    write_packed(tmp_path / "a", {"all": every})
    found = read_packed(tmp_path / "a", "")["all"]
    assert np.array_equal(found.view(torch.uint16).numpy(), patterns)


def test_names_and_shapes_come_back_in_order(tmp_path: Path) -> None:
    write_packed(tmp_path / "a", weights())
    found = read_packed(tmp_path / "a", "")
    assert list(found) == list(weights())
    for name, value in weights().items():
        assert torch.equal(found[name], value)


def test_a_third_is_saved(tmp_path: Path) -> None:
    tensors = weights()
    tensors["teacher.w"] = tensors["student.w"]
    write_packed(tmp_path / "a", tensors)
    plain = sum(2 * value.numel() for value in tensors.values())
    assert (tmp_path / "a").stat().st_size < 0.68 * plain


@pytest.mark.parametrize("kept", [0, 7, 500, 0.5, 0.999])
def test_a_truncated_file_is_one_line(kept: float, tmp_path: Path) -> None:
    path = tmp_path / "relay.safetensors"
    write_packed(path, weights())
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept if kept >= 1 else kept * len(whole))])
    with pytest.raises(BadFileError, match=r"not a whole file of packed weights .*\. Fix it\.$"):
        read_packed(path, "Fix it.")


def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_packed(path, weights())
    whole = bytearray(path.read_bytes())
    whole[-10_000] ^= 1  # among mantissas, where every pattern is a number
    path.write_bytes(bytes(whole))
    with pytest.raises(BadFileError, match="does not fit its checksum"):
        read_packed(path, "")


@pytest.mark.parametrize(
    ("index", "exponents"),
    [
        ([["w", [10**6, 10**6]]], b"\0" * 8),  # claims what is not there
        ([["w", [-2, -4]]], b"\0" * 8),
        ([["w", [4]], ["w", [4]]], b"\0" * 8),
        ([["w", [8]]], b"\0" * (64 << 20)),  # unpacks to far more than it should
        ([["w", [8]]], b"\0" * 7),
        ({"w": 8}, b"\0" * 8),
        ([["w", ["8"]]], b"\0" * 8),
    ],
)
def test_a_hostile_file_is_one_line(index: object, exponents: bytes, tmp_path: Path) -> None:
    high = np.frombuffer(lzma.compress(exponents, preset=0), np.uint8).copy()
    planes = {"low": torch.zeros(8, dtype=torch.uint8), "high": torch.from_numpy(high)}
    metadata = {"format": FORMAT, "index": json.dumps(index), "sha256": ""}
    save_file(planes, tmp_path / "a", metadata)
    with pytest.raises(BadFileError, match="not a whole file of packed weights"):
        read_packed(tmp_path / "a", "")


def test_other_files_are_one_line(tmp_path: Path) -> None:
    save_file({"w": torch.zeros(2)}, tmp_path / "model")
    with pytest.raises(BadFileError, match="of another kind"):
        read_packed(tmp_path / "model", "")
    with pytest.raises(BadFileError, match="there is no such file"):
        read_packed(tmp_path / "nothing", "")

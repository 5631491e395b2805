"""Frame pairs from files, good and bad, and from the (fake) simulator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from armchair.errors import ArmchairError, BadFileError, BadValueError
from armchair.evaluation.episode import Scene
from armchair.evaluation.pairs import load_pair, simulated_pair
from tests.evaluation.fakes import FakeReach


def write(path: Path, **changes: Any) -> str:
    arrays = {
        "observations": np.zeros((2, 32, 32, 3), np.uint8),
        "states": np.tile(np.array([0.4, 0.0, 0.3, 3.1, 0.0, 0.0, 0.5], np.float32), (2, 1)),
    }
    merged = {key: value for key, value in {**arrays, **changes}.items() if value is not None}
    np.savez(path, **merged)
    return str(path)


def test_the_packaged_pair_has_the_published_action() -> None:
    pair = load_pair("franka")
    assert pair.before.frame.shape == pair.after.frame.shape == (256, 256, 3)
    assert pair.true_action[:3] == pytest.approx([0.092, 0.031, 0.084], abs=6e-4)
    assert pair.name == "franka"


def test_with_and_without_a_batch_dimension(tmp_path: Path) -> None:
    plain = load_pair(write(tmp_path / "plain.npz"))
    batched = load_pair(
        write(
            tmp_path / "batched.npz",
            observations=np.zeros((1, 2, 32, 32, 3), np.uint8),
            states=np.tile(plain.before.state, (1, 2, 1)),
        )
    )
    assert plain.name == "plain"
    assert np.array_equal(plain.before.state, batched.before.state)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"observations": np.zeros((2, 32, 32, 3), np.float32)}, "observations are float32"),
        ({"observations": np.zeros((3, 32, 32, 3), np.uint8)}, r"\(3, 32, 32, 3\)"),
        ({"observations": np.zeros((2, 3, 32, 32), np.uint8)}, r"\(2, 3, 32, 32\)"),
        ({"observations": np.zeros((2, 0, 32, 3), np.uint8)}, r"\(2, 0, 32, 3\)"),
        ({"states": np.zeros((2, 6))}, r"states are float64 of shape \(2, 6\)"),
        ({"states": np.zeros((2, 7), int)}, "states are int"),
        ({"states": None}, "states"),
        ({"observations": np.array([None, 3], dtype=object)}, "plain arrays"),
    ],
)
def test_wrong_arrays_are_named(changes: dict[str, Any], found: str, tmp_path: Path) -> None:
    path = write(tmp_path / "bad.npz", **changes)
    with pytest.raises(BadFileError, match=found) as error:
        load_pair(path)
    assert str(error.value).startswith(path)


@pytest.mark.parametrize(
    ("column", "value", "word"), [(3, 180.0, "degrees"), (0, 400.0, "milli"), (6, 85.0, "width")]
)
def test_wrong_units_are_named(column: int, value: float, word: str, tmp_path: Path) -> None:
    states = np.zeros((2, 7))
    states[1, column] = value
    with pytest.raises(BadValueError, match=word):
        load_pair(write(tmp_path / "units.npz", states=states))


def test_damaged_files_are_named(tmp_path: Path) -> None:
    whole = Path(write(tmp_path / "whole.npz"))
    cut = tmp_path / "cut.npz"
    cut.write_bytes(whole.read_bytes()[:-300])
    text = tmp_path / "text.npz"
    text.write_text("not an archive")
    single = tmp_path / "single.npz"
    with single.open("wb") as file:
        np.save(file, np.zeros(3))
    empty = tmp_path / "empty.npz"
    empty.touch()
    for path in (cut, text, single, empty, tmp_path / "missing.npz", tmp_path):
        with pytest.raises(ArmchairError, match=str(path)):
            load_pair(str(path))
    with pytest.raises(BadFileError, match=r"is no \.npz archive"):
        load_pair(str(text))


def test_simulated_pair_is_one_move_within_bounds(env: FakeReach) -> None:
    scene = Scene(role="validation", seed=0, episode=1, level="light")
    pair, again = simulated_pair(scene), simulated_pair(scene)
    move = pair.true_action
    assert np.abs(move[:3]).max() <= 0.075
    assert np.linalg.norm(move[:3]) >= 0.05
    assert np.allclose(move[3:], 0)
    assert np.array_equal(pair.after.frame, again.after.frame)

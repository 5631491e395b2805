"""The engine against Ray itself, where the extra `ray` has brought it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from armchair.errors import ArmchairError
from armchair.sim.collect import CollectConfig, collect
from armchair.sim.engines import ENGINES
from tests.sim.collecting import ROWS, content, episodes

pytest.importorskip("ray")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # Ray's own
]


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Ray of its own on this machine, which sends no statistics."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")


def test_the_same_episodes_as_without_it(tmp_path: Path) -> None:
    config = CollectConfig(episodes=3, rows=ROWS)
    found = {}
    for engine in ("ray", "local"):
        assert sorted(collect(config, tmp_path / engine, 1, engine=engine)) == [0, 1, 2]
        found[engine] = episodes(tmp_path / engine)
    assert found["ray"].keys() == found["local"].keys()
    for name, folder in found["ray"].items():
        assert content(folder) == content(found["local"][name])


def test_what_goes_wrong_on_a_node() -> None:
    def full(_index: int) -> int:
        raise ArmchairError("the disk is full")

    def die(_index: int) -> int:
        os._exit(9)

    def blunder(index: int) -> int:
        return 1 // index

    for work, error, words in (
        (full, ArmchairError, "the disk is full"),
        (die, ArmchairError, "worker process of the Ray cluster died"),
        (blunder, ZeroDivisionError, "division"),
    ):
        with pytest.raises(error, match=words):
            list(ENGINES["ray"](work, [0], 1))

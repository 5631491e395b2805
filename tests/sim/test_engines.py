"""Engines: every index once, failures in one line, and Ray only where it is asked for."""

from __future__ import annotations

import socket
import sys
import types
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from armchair.cli.main import main
from armchair.errors import ArmchairError, BadValueError, UnknownNameError
from armchair.sim.engines import ENGINES
from armchair.sim.mix import MIXES, MixConfig, draw, parse_shares
from armchair.sim.shard import Shard


class FakeRay(types.ModuleType):
    """As much of Ray as the engine uses, in this process; `most` is what ran at once."""

    def __init__(self, cpus: int = 2) -> None:
        super().__init__("ray")
        error = type("RayError", (Exception,), {})
        task_error = type("RayTaskError", (error,), {})
        self.exceptions = types.SimpleNamespace(RayError=error, RayTaskError=task_error)
        self.running, self.most, self.up, self.cpus = 0, 0, False, cpus

    def init(self, **_options: object) -> None:
        self.up = True

    def shutdown(self) -> None:
        self.up = False

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": float(self.cpus)}

    def remote(self, function: Callable[[int], object]) -> types.SimpleNamespace:
        def submit(index: int) -> Callable[[], object]:
            self.running += 1
            self.most = max(self.most, self.running)
            return lambda: function(index)

        return types.SimpleNamespace(remote=submit)

    def wait(self, tasks: list[object], num_returns: int) -> tuple[list[object], list[object]]:
        return tasks[-num_returns:], tasks[:-num_returns]  # the last one is done first

    def get(self, tasks: list[Callable[[], object]]) -> list[object]:
        self.running -= len(tasks)
        return [task() for task in tasks]


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    fake = FakeRay()
    monkeypatch.setitem(sys.modules, "ray", fake)
    return fake


@pytest.mark.parametrize(("workers", "at_once"), [(0, 2), (3, 3)])
def test_ray_makes_every_index_once(ray: FakeRay, workers: int, at_once: int) -> None:
    made: list[int] = []
    found = list(ENGINES["ray"](lambda i: made.append(i) or i, list(range(8)), workers))
    assert sorted(found) == sorted(made) == list(range(8))
    assert ray.most == at_once
    assert not ray.up


def test_what_a_ray_task_complains_of_is_our_error(ray: FakeRay) -> None:
    def full(_index: int) -> int:
        raise ArmchairError("the disk is full")

    with pytest.raises(ArmchairError, match="the disk is full"):
        list(ENGINES["ray"](full, [0], 1))
    assert not ray.up


def test_a_ray_worker_that_dies_is_one_line(ray: FakeRay) -> None:
    def die(_index: int) -> int:
        raise ray.exceptions.RayError

    with pytest.raises(ArmchairError, match="worker process of the Ray cluster died"):
        list(ENGINES["ray"](die, [0], 1))


def test_a_mistake_in_a_ray_task_keeps_its_own_words(ray: FakeRay) -> None:
    def blunder(_index: int) -> int:
        raise ray.exceptions.RayTaskError("ZeroDivisionError")

    with pytest.raises(ray.exceptions.RayTaskError, match="ZeroDivisionError"):
        list(ENGINES["ray"](blunder, [0], 1))
    assert not ray.up


def test_a_cluster_that_does_not_answer_is_one_line(
    ray: FakeRay, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_options: object) -> None:
        raise ConnectionError("no\nanswer")

    monkeypatch.setattr(ray, "init", refuse)
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    with pytest.raises(ArmchairError, match=r"no Ray at auto \(no answer\)\. Check RAY_ADDRESS"):
        list(ENGINES["ray"](lambda index: index, [0], 1))


@pytest.mark.parametrize("prefix", ["", "ray://"])
def test_an_address_where_nobody_listens(
    ray: FakeRay, monkeypatch: pytest.MonkeyPatch, prefix: str
) -> None:
    with socket.socket() as taken:  # bound, but not listening
        taken.bind(("127.0.0.1", 0))
        address = f"{prefix}127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("RAY_ADDRESS", address)
        with pytest.raises(ArmchairError, match=rf"no Ray at {address} \(.*refused"):
            list(ENGINES["ray"](lambda index: index, [0], 1))
    assert not ray.up


def test_without_ray_there_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)  # makes the import fail
    assert main(["collect", "--out", str(tmp_path), "--episodes", "1", "--engine", "ray"]) == 2
    assert "pip install -e '.[ray]'" in capsys.readouterr().err


def test_engines_are_named() -> None:
    with pytest.raises(UnknownNameError, match="Known: local, ray"):
        ENGINES["slurm"]


def test_shards_are_every_nth_episode() -> None:
    assert list(Shard.parse("2/3").of(8)) == [1, 4, 7]
    for count in (1, 3, 5):
        parts = [set(Shard(i, count).of(11)) for i in range(1, count + 1)]
        assert set.union(*parts) == set(range(11))
        assert sum(map(len, parts)) == 11
    assert set(Shard(2, 3).of(8)) < set(Shard(2, 3).of(80)), "more episodes move none"


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "1/0", "a/b", "-1/2", "1/2/3"])
def test_bad_shards(text: str) -> None:
    with pytest.raises(BadValueError, match="i from 1 to n"):
        Shard.parse(text)


@pytest.mark.parametrize(
    "shares", [(), (("play", 0.0),), (("play", -1.0),), (("play", float("nan")),)]
)
def test_bad_shares(shares: tuple[tuple[str, float], ...]) -> None:
    with pytest.raises(BadValueError, match="shares must be"):
        MixConfig(behaviours=shares)


def test_shares_from_words() -> None:
    assert parse_shares(["grasp=0.5", "carry=1"]) == (("grasp", 0.5), ("carry", 1.0))
    assert parse_shares([]) == ()
    for text in ("grasp", "grasp=", "=1", "grasp=much", ""):
        with pytest.raises(BadValueError, match="NAME=NUMBER"):
            parse_shares([text])


def test_unknown_names_in_a_mix() -> None:
    with pytest.raises(UnknownNameError, match="unknown behaviour 'dance'"):
        MixConfig(behaviours=(("dance", 1.0),))
    with pytest.raises(UnknownNameError, match="unknown object 'cp'"):
        MixConfig(behaviours=(("play", 1.0),), objects=(("cp", 1.0),))


def test_a_mix_is_drawn_as_its_shares_say() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw((("a", 1.0), ("b", 3.0)), rng) for _ in range(2000)]
    assert drawn.count("b") / 2000 == pytest.approx(0.75, abs=0.03)


def test_a_third_of_the_tasks_mix_is_settled_for_sure() -> None:
    """Of the rest, half the episodes are settled, too."""
    shares = dict(MIXES["tasks"].behaviours)
    always = shares["steps"] + shares["reach"] + shares["near"]
    assert always + 0.5 * (sum(shares.values()) - always - shares["play"]) > 0.5
    assert always >= 0.33
    assert {name for name, _ in MIXES["tasks"].objects} == {"box", "cup"}

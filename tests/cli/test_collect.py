"""The verb `collect`: what its options mean to the collection."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from armchair.cli.main import main
from armchair.evaluation.provenance import usable_cores
from armchair.sim import collect as collecting
from armchair.sim.collect import CollectConfig
from armchair.sim.mix import MIXES
from armchair.sim.shard import Shard

Asked = dict[str, Any]

EVERY_OPTION = (
    "--episodes 5 --rows 40 --level full --mix tasks --behaviours grasp=0.5 carry=1 "
    "--cameras left wrist --placement left --camera-angle 40 80 --gripper panda --mesh-keep 0.5 "
    "--role test --seed 7 --shard 2/3 --engine ray --workers 3"
)
WANTED = CollectConfig(
    episodes=5,
    rows=40,
    level="full",
    role="test",
    seed=7,
    mix=replace(MIXES["tasks"], behaviours=(("grasp", 0.5), ("carry", 1.0))),
    cameras=("left", "wrist"),
    placement="left",
    camera_angle_deg=(40.0, 80.0),
    gripper="panda",
    mesh_keep=0.5,
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """What the collection is asked for; it makes nothing."""
    found: Asked = {}

    def collect(config: CollectConfig, root: Path, workers: int, **more: Any) -> Iterator[int]:
        found.update(config=config, root=root, workers=workers, **more)
        return iter(())

    monkeypatch.setattr(collecting, "collect", collect)
    return found


def test_every_option_arrives(asked: Asked, tmp_path: Path) -> None:
    assert main(["collect", "--out", str(tmp_path), *EVERY_OPTION.split()]) == 0
    where = {"root": tmp_path, "workers": 3, "shard": Shard(2, 3), "engine": "ray"}
    assert asked == {"config": WANTED, **where}
    assert all(getattr(WANTED, field.name) != field.default for field in fields(WANTED))


def test_what_is_left_out_is_the_configs_own(asked: Asked, tmp_path: Path) -> None:
    assert main(["collect", "--out", str(tmp_path), "--objects", "cup=1"]) == 0
    mix = replace(MIXES["reach"], objects=(("cup", 1.0),))
    assert asked["config"] == CollectConfig(mix=mix)
    assert (asked["shard"], asked["engine"]) == (Shard(), "local")


def test_one_worker_per_core_unless_it_is_said(asked: Asked, tmp_path: Path) -> None:
    for engine, workers in (("local", usable_cores()), ("ray", 0)):  # a cluster's are its own
        assert main(["collect", "--out", str(tmp_path), "--engine", engine]) == 0
        assert asked["workers"] == workers

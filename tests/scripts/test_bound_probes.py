"""Places are where the camera sees them, and the camera's jitter is what linear readers lack."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from armchair.sim.cameras import CameraPlacement, extrinsics
from armchair.sim.collect import collect
from tests.sim.collecting import TINY

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return importlib.import_module("bound_probes")


def test_the_camera_aims_at_the_centre_and_sees_up_as_up(script: ModuleType) -> None:
    camera = CameraPlacement()
    pose = extrinsics(camera.position, camera.rotation)[None]
    aim = np.array(camera.look_at)
    points = np.stack([aim, aim + np.array([0, 0, 0.1]), aim + 0.1 * camera.rotation[:, 0]])[None]
    centre, above, right = script.project(points, pose, focal=100.0)[0]
    np.testing.assert_allclose(centre, 0, atol=1e-9)
    assert above[1] < -5  # y of pictures points down
    assert right == pytest.approx([100 * 0.1 / camera.distance_m, 0])


def test_products_and_fixed_points_find_what_places_alone_do_not(script: ModuleType) -> None:
    rng = np.random.default_rng(0)
    shift, owner = np.repeat(rng.normal(0, 5, (60, 1)), 20, axis=0), np.repeat(np.arange(60), 20)
    wanted = rng.uniform(-0.2, 0.2, (1200, 6))
    seen = {"hand": 100 * wanted[:, :3] + shift, "object": 100 * wanted[:, 3:] + shift}
    seen["fixed"] = shift
    blind, all_seen = (
        script.features(seen, names, pairs=False)
        for names in (("hand", "object"), ("hand", "object", "fixed"))
    )
    assert script.features(seen, ("hand",), pairs=True).shape == (1200, 3 + 6)
    fit, test = owner < 40, owner >= 40
    errors = {
        name: script.read(x[fit], wanted[fit], owner[fit], x[test], wanted[test])
        for name, x in (("blind", blind), ("all", all_seen))
    }
    assert max(errors["all"]) < 0.01
    assert min(errors["blind"]) > 1


def test_a_table_of_collected_episodes(script: ModuleType, tmp_path: Path) -> None:
    assert list(collect(TINY, tmp_path)) == [0, 1]
    text = script.table(tmp_path, tmp_path)
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(lines) == 2 + len(list(script.readers()))
    for line in lines[2:]:
        cells = line.strip("| ").split(" | ")
        assert len(cells) == 1 + len(script.NOISES)
        assert all(0 <= float(part) < 30 for cell in cells[1:] for part in cell.split(" / "))

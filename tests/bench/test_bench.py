"""Contract of every benchmark: finite, positive, and it says what against what."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from armchair.bench import learning, loading, simulation, training  # noqa: F401  (they register themselves)
from armchair.bench.measurement import (
    BENCHMARKS,
    BenchSetting,
    Measurement,
    Times,
    seconds_of,
    timed,
)
from armchair.cli.main import main
from armchair.errors import BadValueError
from armchair.planners import load_planner, with_options
from armchair.sim.droid_writer import write_episode
from tests.bench.clock import FakeClock
from tests.factories import make_episode
from tests.worldmodel.models import tiny_sandbox


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name == "render" else [])
        for name in BENCHMARKS
        if not name.startswith("plan")
    ],
)
def test_benchmark(name: str) -> None:
    planner = with_options(load_planner("cem"), ["samples=16", "elites=4", "iterations=2"])
    setting = BenchSetting(model=tiny_sandbox(), planner=planner, repeats=1, rows=33)
    found = BENCHMARKS[name](setting)
    assert found.seconds > 0
    assert found.reference_seconds > 0
    assert found.what
    assert found.against


def test_ratio_is_work_over_reference() -> None:
    found = Measurement(what="a", seconds=0.5, against="b", reference_seconds=0.25)
    assert found.ratio == 2.0
    assert found.per_second == 2.0


def test_times_are_medians_and_the_warming_run_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, costs = FakeClock(monkeypatch), [(9.0, 9.0), (1.0, 3.0), (4.0, 1.0), (2.0, 2.0)]
    left = iter(costs)
    assert timed(lambda: clock.spend(*next(left)), repeats=3) == Times(clock=2.0, processor=2.0)
    left = iter(costs[:3])
    assert seconds_of(lambda: clock.spend(*next(left)), repeats=2) == 2.5


def test_repeats_are_checked() -> None:
    with pytest.raises(BadValueError, match="repeats is 0"):
        BenchSetting(model=tiny_sandbox(), planner=load_planner("cem"), repeats=0)


def test_verb_writes_its_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny_sandbox().save_pretrained(tmp_path / "model")
    options = ["--only", "train", "--model", str(tmp_path / "model"), "--repeats", "1"]
    assert main(["bench", *options, "--out", str(tmp_path / "new" / "bench.json")]) == 0
    page = json.loads((tmp_path / "new" / "bench.json").read_text())
    assert page["benchmarks"]["train"]["ratio"] > 0
    assert "train" in capsys.readouterr().out


def test_every_option_of_the_verb_reaches_the_benchmark(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import armchair.bench.reaching  # noqa: F401  # registers time-to-energy before it is replaced

    given: list[BenchSetting] = []

    def watched(setting: BenchSetting) -> Measurement:
        given.append(setting)
        return Measurement(what="a", seconds=1.0, against="b", reference_seconds=1.0)

    monkeypatch.setitem(BENCHMARKS._items, "time-to-energy", watched)
    tiny_sandbox().save_pretrained(tmp_path / "model")
    write_episode(tmp_path, make_episode(0))
    options = ["--only", "time-to-energy", "--model", str(tmp_path / "model"), "--planner", "icem"]
    counts = ["--repeats", "2", "--problems", "3", "--mesh-keep", "0.5"]
    race = ["--episodes", str(tmp_path), "--contenders", "mppi", "cem:samples=16"]
    assert main(["bench", *options, *counts, *race]) == 0
    (setting,) = given
    assert setting.planner == load_planner("icem")
    assert (setting.repeats, setting.problems, setting.mesh_keep) == (2, 3, 0.5)
    assert (setting.episodes, setting.contenders) == (tmp_path, ("mppi", "cem:samples=16"))


def test_unknown_benchmark_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--only", "plam"]) == 2
    assert "Did you mean 'plan'?" in capsys.readouterr().err


@pytest.mark.slow
def test_clips_are_read_at_least_five_times_as_fast_as_decoded() -> None:
    setting = BenchSetting(model=tiny_sandbox(), planner=load_planner("cem"), repeats=3)
    found = BENCHMARKS["load"](setting)
    assert found.ratio <= 1 / 5
    assert "MB per robot hour" in found.what
    assert "MB per robot hour" in found.against

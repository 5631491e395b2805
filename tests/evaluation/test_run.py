"""Whole runs on the fake task: the schema, controls, resuming, refusals."""

from __future__ import annotations

import errno
import json
from collections import Counter
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from armchair.errors import ArmchairError, BadFileError, BadValueError, UnknownNameError
from armchair.evaluation.benchmark import RejectedResetsError, check_rejections
from armchair.evaluation.contestants import ALL_CONTROLS
from armchair.evaluation.models import load_world_model
from armchair.evaluation.outcomes import Outcome
from armchair.evaluation.provenance import processor
from armchair.evaluation.run import evaluate, header
from armchair.planners import SearchPlanner, load_planner, with_options
from armchair.worldmodel.optimisation import atomic
from tests.evaluation.conftest import evaluation
from tests.evaluation.fakes import FakeReach
from tests.plugins import PLAIN, install
from tests.worldmodel.models import tiny_sandbox

SCORE = {
    "episodes": int,
    "successes": int,
    "rate": float,
    "wilson95": list,
    "success_4cm": int,
    "rejected_resets": int,
    "final_distance_m": dict,
    "plan_seconds": dict,
    "model_evaluations_per_action": int,
}
FORMATS = ("bfloat16", "float32")
TOP = {
    "version": int,
    "benchmark": str,
    "role": str,
    "level": str,
    "seed": int,
    "camera": str,
    "model": str,
    "model_sha256": str,
    "code": str,
    "arithmetic": str,
    "cpu": str,
    "peak_memory_mb": int,
    "planner": dict,
    "tasks": dict,
}


def ignore(task: str, contestant: str, outcome: Outcome) -> None:
    """Watch nothing."""


def types_of(entry: dict[str, Any]) -> dict[str, type]:
    return {key: type(value) for key, value in entry.items()}


def test_report_has_the_schema(env: FakeReach, tmp_path: Path) -> None:
    returned = evaluate(evaluation(tmp_path), ignore)
    report = json.loads((tmp_path / "report.json").read_text(), parse_constant=pytest.fail)
    assert types_of(report) == TOP
    assert list(report) == list(TOP)
    assert json.loads(json.dumps(returned.to_dict())) == report
    task = report["tasks"]["reach"]
    assert types_of(task) == {**SCORE, "controls": dict, "per_episode": list}
    assert set(task["controls"]) == set(ALL_CONTROLS)
    for control in task["controls"].values():
        assert types_of(control) == SCORE
    assert set(task["plan_seconds"]) == set(task["final_distance_m"]) == {"median", "p90"}
    assert task["model_evaluations_per_action"] == 64 * 3
    assert report["planner"]["name"] == "cem"
    assert report["planner"]["samples"] == 64
    row = task["per_episode"][1]
    assert set(row) == {"seed", "success", "final_distance_m", "distances_m", "video"}
    assert row["seed"] == [1, 0, 1], "role validation, seed, episode"
    assert len(row["distances_m"]) == 11


def test_planner_arrives_and_blind_controls_do_not(env: FakeReach, tmp_path: Path) -> None:
    task = evaluate(evaluation(tmp_path), ignore).tasks["reach"]
    assert task.score.successes == 3
    assert task.controls["expert"].successes == task.controls["expert-constrained"].successes == 3
    assert task.controls["hold"].successes == 0
    assert task.controls["random-predictor"].final_distance_m != task.score.final_distance_m
    assert task.controls["random-predictor"].model_evaluations_per_action == 64 * 3
    assert task.controls["shuffled-goal"].successes == 0
    assert task.controls["shuffled-goal"].model_evaluations_per_action == 64 * 3
    assert task.controls["hold"].model_evaluations_per_action == 0
    page = (tmp_path / "report.md").read_text()
    assert "| **planner** | 3/3 | 100 % (44–100) |" in page
    for control in ALL_CONTROLS:
        assert f"| {control} |" in page


def test_same_seed_same_distances(env: FakeReach, tmp_path: Path) -> None:
    def distances(name: str, **changes: object) -> list[tuple[float, ...]]:
        run = evaluation(tmp_path / name, controls=("random",), **changes)
        return [row.distances_m for row in evaluate(run, ignore).tasks["reach"].per_episode]

    assert distances("a") == distances("b")
    assert distances("a2", seed=1) != distances("b2")
    assert distances("a3", role="test") != distances("b3")


def test_one_episode_is_shuffled_with_an_unplayed_one(env: FakeReach, tmp_path: Path) -> None:
    run = evaluation(tmp_path, episodes=1, controls=("shuffled-goal",))
    assert evaluate(run, ignore).tasks["reach"].controls["shuffled-goal"].successes == 0


def test_interrupted_run_goes_on(env: FakeReach, tmp_path: Path) -> None:
    whole = evaluate(evaluation(tmp_path / "whole"), ignore)
    played: Counter[str] = Counter()

    def stop(task: str, contestant: str, outcome: Outcome) -> None:
        played[contestant] += 1
        if contestant == "shuffled-goal" and played[contestant] == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(evaluation(tmp_path / "cut"), stop)
    ledger = tmp_path / "cut" / "episodes.jsonl"
    lines = ledger.read_text().splitlines()
    assert len(lines) == 1 + 1 + 3 + 3 + 3 + 2 + 1
    assert "peak_memory_mb" in lines.pop()
    ledger.write_text("\n".join(lines)[:-20])
    resets = env.resets
    resumed = evaluate(evaluation(tmp_path / "cut"), ignore)
    assert env.resets - resets == 2 + 2 + 3 * 3  # two shuffled ones, their goals, three controls
    first, second = whole.tasks["reach"], resumed.tasks["reach"]
    assert [r.distances_m for r in first.per_episode] == [r.distances_m for r in second.per_episode]
    for name in ALL_CONTROLS:
        assert first.controls[name].final_distance_m == second.controls[name].final_distance_m
    assert [part.episodes for part in resumed.parts] == [10, 11]
    assert resumed.parts[0].peak_memory_mb is None
    assert "memory it needed is not known" in (tmp_path / "cut" / "report.md").read_text()


def test_a_resumed_run_tells_how_all_of_it_was_played(env: FakeReach, tmp_path: Path) -> None:
    evaluate(evaluation(tmp_path, controls=(), episodes=2), ignore)
    ledger = tmp_path / "episodes.jsonl"
    text = ledger.read_text().replace('"workers": 1', '"workers": 4')
    lines = text.replace(processor(), "Abacus, 4 cores").splitlines()
    lines[2:2] = ['{"lost": ["reach", "planner", 0]}']
    lines[-1] = '{"peak_memory_mb": 1e6}'
    ledger.write_text("\n".join(lines) + "\n")
    report = evaluate(evaluation(tmp_path, controls=(), episodes=3), ignore).to_dict()
    assert report["workers"] == 4
    assert report["reruns"] == ["reach · planner · 0"]
    assert report["peak_memory_mb"] == 1_000_000
    assert report["cpu"] == f"Abacus, 4 cores; {processor()}"
    assert [part["episodes"] for part in report["parts"]] == [2, 1]
    page = (tmp_path / "report.md").read_text()
    assert "Played by up to 4 processes side by side" in page
    assert f"2 episodes by 4 on Abacus, 4 cores; 1 episodes by 1 on {processor()}" in page


def test_a_full_disk_costs_no_finished_episode(
    env: FakeReach, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate(evaluation(tmp_path, controls=()), ignore)
    ledger = tmp_path / "episodes.jsonl"
    ledger.write_text(ledger.read_text()[:-5])  # a line that a kill cut short, to be dropped
    before = ledger.read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(ArmchairError, match="no space left"):
        evaluate(evaluation(tmp_path, controls=()), ignore)
    assert ledger.read_bytes() == before


def test_test_scenes_leave_a_trace_before_they_are_played(env: FakeReach, tmp_path: Path) -> None:
    def stop(task: str, contestant: str, outcome: Outcome) -> None:
        raise KeyboardInterrupt

    evaluate(evaluation(tmp_path / "a", controls=()), ignore)
    assert not (tmp_path / "test-runs.txt").exists()
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            evaluate(evaluation(tmp_path / "b", controls=(), role="test"), stop)
    first, second = (tmp_path / "test-runs.txt").read_text().splitlines()
    assert "reach: 3 episodes, seed 0, level light, planner cem, model pixels" in first
    assert "code 0123abc" in second


def test_episodes_of_another_run_are_not_mixed_in(env: FakeReach, tmp_path: Path) -> None:
    evaluate(evaluation(tmp_path, controls=()), ignore)
    (tmp_path / "report.json").unlink()
    with pytest.raises(BadFileError, match="other settings"):
        evaluate(evaluation(tmp_path, controls=(), seed=7), ignore)
    evaluate(evaluation(tmp_path, controls=(), seed=7), ignore, overwrite=True)


def test_a_run_that_never_played_is_forgotten(env: FakeReach, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        evaluate(evaluation(tmp_path, controls=(), level="full"), ignore)
    assert evaluate(evaluation(tmp_path, controls=()), ignore).level == "light"


def test_a_finished_run_goes_on_with_more(env: FakeReach, tmp_path: Path) -> None:
    few = evaluate(evaluation(tmp_path, controls=("hold", "shuffled-goal")), ignore)
    resets = env.resets
    again = evaluate(evaluation(tmp_path, controls=("hold", "shuffled-goal")), ignore)
    assert env.resets == resets
    assert again.to_dict()["tasks"] == few.to_dict()["tasks"]
    more = evaluate(evaluation(tmp_path, episodes=5), ignore)
    whole = evaluate(evaluation(tmp_path / "whole", episodes=5), ignore)
    lines = (tmp_path / "episodes.jsonl").read_text().splitlines()
    journal = [json.loads(line) for line in lines[1:]]
    played = Counter(entry["key"][1] for entry in journal if "key" in entry)
    assert played["planner"] == played["hold"] == played["random"] == played["shuffled-goal"] == 5
    written = json.loads((tmp_path / "report.json").read_text())
    assert written["tasks"]["reach"]["episodes"] == 5
    for found, wanted in zip(
        more.tasks["reach"].per_episode, whole.tasks["reach"].per_episode, strict=True
    ):
        assert found.distances_m == wanted.distances_m
    for name, score in whole.tasks["reach"].controls.items():
        assert more.tasks["reach"].controls[name].final_distance_m == score.final_distance_m


def test_an_existing_report_is_kept(env: FakeReach, tmp_path: Path) -> None:
    evaluate(evaluation(tmp_path, controls=()), ignore)
    before = (tmp_path / "report.json").read_bytes()
    with pytest.raises(BadFileError, match=r"of a run with another seed\. .*delete"):
        evaluate(evaluation(tmp_path, controls=(), seed=1), ignore)
    assert (tmp_path / "report.json").read_bytes() == before
    evaluate(evaluation(tmp_path, controls=(), seed=1), ignore, overwrite=True)
    assert json.loads((tmp_path / "report.json").read_text())["seed"] == 1
    (tmp_path / "episodes.jsonl").unlink()
    with pytest.raises(BadFileError, match=r"without episodes\.jsonl"):
        evaluate(evaluation(tmp_path, controls=(), seed=1), ignore)
    (tmp_path / "file").touch()
    with pytest.raises(BadFileError, match="is a file"):
        evaluate(evaluation(tmp_path / "file"), ignore)


def test_a_changed_plug_in_is_another_run(
    env: FakeReach, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, "own_planner", PLAIN, "armchair.planners", "own:Plain")
    source, group = (tmp_path / "own_planner.py"), "armchair.world_models"
    blind = "class Blind:\n    def encode(self): ...\n    def rollout(self): ...\n"
    install(tmp_path, monkeypatch, "own_model", blind, group, "own:Blind")
    ours = evaluation(tmp_path / "run", controls=(), episodes=1)
    own = replace(ours, planner_name="own", planner=load_planner("own"))
    assert set(own.planner_settings()) == {"name", "context_frames", "plugin", "tries"}
    assert own.planner_settings()["plugin"].startswith("own_planner ")
    assert "plugin" not in ours.planner_settings()
    before = load_world_model("own").sha256
    assert load_world_model("own").sha256 == before
    evaluate(own, ignore)
    resets = env.resets
    evaluate(own, ignore)
    for file in (source, tmp_path / "own_model.py"):
        file.write_text(file.read_text() + "# searches otherwise\n")
    with pytest.raises(BadFileError, match="of a run with another planner"):
        evaluate(own, ignore)
    assert env.resets == resets
    assert load_world_model("own").sha256 != before


@pytest.mark.parametrize(
    ("described", "words"),
    [
        ({"bounds": {"grip": float("inf")}}, r"says bounds\.grip = inf, .*Out of range"),
        ({"device": torch.device("cpu")}, r"says device = device\(type='cpu'\), .*serializable"),
    ],
)
def test_a_planner_that_no_report_could_hold_is_refused(
    env: FakeReach, tmp_path: Path, described: object, words: str
) -> None:
    class Own(SearchPlanner[Any]):
        def describe(self) -> Any:
            return described

    run = evaluation(tmp_path)
    with pytest.raises(BadValueError, match=rf"planner 'cem': describe\(\) {words}"):
        evaluate(replace(run, planner=Own(run.planner.config)), ignore)  # type: ignore[attr-defined]
    assert not env.resets


def test_a_planner_cannot_rename_itself(tmp_path: Path) -> None:
    class Own(SearchPlanner[Any]):
        def describe(self) -> Any:
            return {"name": "other", "context_frames": 7, "tries": 3}

    run = evaluation(tmp_path)
    told = replace(run, planner=Own(run.planner.config)).planner_settings()  # type: ignore[attr-defined]
    assert (told["name"], told["context_frames"], told["tries"]) == ("cem", 1, 3)


def test_plug_ins_compute_as_they_like_and_the_report_says_so(
    env: FakeReach, tmp_path: Path
) -> None:
    ours = replace(evaluation(tmp_path).named_model, model=tiny_sandbox())
    assert header(replace(evaluation(tmp_path), named_model=ours))["arithmetic"] in FORMATS
    assert header(evaluation(tmp_path))["arithmetic"] == "a format of its own"


def test_too_many_rejected_resets_fail_the_run(env: FakeReach, tmp_path: Path) -> None:
    env.rejected = 1
    with pytest.raises(RejectedResetsError, match="3 of 6 resets"):
        evaluate(evaluation(tmp_path, controls=()), ignore)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["tasks"]["reach"]["rejected_resets"] == 3


@pytest.mark.parametrize(("rejected", "counts"), [(1, True), (2, False)])
def test_one_reset_of_twenty_may_be_rejected(
    rejected: int, counts: bool, env: FakeReach, tmp_path: Path
) -> None:
    task = evaluate(evaluation(tmp_path, controls=()), ignore).tasks["reach"]
    score = replace(task.score, rejected_resets=rejected, episodes=20 - rejected)
    with nullcontext() if counts else pytest.raises(RejectedResetsError, match="2 of 20 resets"):
        check_rejections("reach", replace(task, score=score))


def test_bad_requests(tmp_path: Path) -> None:
    wide = with_options(load_planner("cem"), ["bounds.translation=0.0751"])
    with pytest.raises(BadValueError, match=r"bounds\.translation is 0\.0751, .*0\.075 in one"):
        replace(evaluation(tmp_path), planner=wide)
    with pytest.raises(BadValueError, match="episodes is 0"):
        evaluation(tmp_path, episodes=0)
    with pytest.raises(UnknownNameError, match="Did you mean 'light'"):
        evaluation(tmp_path, level="ligth")
    with pytest.raises(UnknownNameError, match="reach"):
        type(evaluation(tmp_path))(
            **{**vars(evaluation(tmp_path)), "tasks": ("reech",)},
        )

"""Paired planners, the paper's tables, and thresholds."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import binomtest

from armchair.cli.main import main
from armchair.errors import BadFileError, BadValueError
from armchair.evaluation.comparison import pairings, read_reports, unlike
from armchair.evaluation.paper_tables import TABLE_2, TABLE_3, paper_tables
from armchair.evaluation.run import evaluate
from armchair.evaluation.statistics import Quantiles, mcnemar_exact
from armchair.evaluation.thresholds import check_played, failures, read_thresholds
from armchair.planners import load_planner, with_options
from armchair.planners.search import HAND_RULES
from tests.evaluation.conftest import evaluation
from tests.evaluation.fakes import FakeReach

PLANNING = Path(__file__).parents[2] / "docs" / "planning.md"


def write(folder: Path, planner: str, successes: list[bool], /, **changes: Any) -> Path:
    rows = [{"seed": [1, 0, n], "success": success} for n, success in enumerate(successes)]
    task = {
        "per_episode": rows,
        "rate": 0.5,
        "wilson95": [0.1, 0.9],
        "successes": 1,
        "episodes": 2,
        "plan_seconds": {"median": 0.9, "p90": 1.0},
        "model_evaluations_per_action": 320,
    }
    content = {
        "benchmark": "v1",
        "role": "validation",
        "level": "light",
        "seed": 0,
        "planner": {"name": planner, "samples": 64},
        "tasks": {"reach": task},
        **changes,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(content))
    return folder


@pytest.mark.parametrize(
    ("first", "second"), [(0, 0), (1, 0), (5, 0), (3, 9), (10, 10), (40, 12), (600, 500)]
)
def test_mcnemar_is_the_exact_binomial_test(first: int, second: int) -> None:
    pairs = first + second
    expected = binomtest(first, pairs, 0.5).pvalue if pairs else 1.0
    assert mcnemar_exact(first, second) == pytest.approx(expected)
    assert mcnemar_exact(first, second) == mcnemar_exact(second, first)


def test_planners_are_paired_by_the_seeds_of_their_episodes(tmp_path: Path) -> None:
    one = write(tmp_path / "a", "cem", [True] * 6 + [False, True])
    other = write(tmp_path / "b", "icem", [False] * 5 + [True, True])  # an episode fewer
    (pairing,) = pairings(read_reports([one, other]))
    assert (pairing.first, pairing.second, pairing.episodes) == ("cem", "icem", 7)
    assert (pairing.only_first, pairing.only_second) == (5, 1)
    assert pairing.p_value == pytest.approx(2 * 7 / 64)


def test_the_verb_writes_tests_and_tables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [write(tmp_path / n, "cem", [n == "a", True]) for n in ("a", "b")]
    options = ["compare", "--reports", *map(str, folders), "--out", str(tmp_path / "out")]
    assert main(options) == 0
    page = (tmp_path / "out" / "compare.md").read_text()
    assert "benchmark v1, role validation, level light |" in page
    assert "| reach | cem (a) | cem (b) | 320 / 320 | 2 | 1 | 0 | 1 |" in page
    assert "Not the same" not in page
    assert "| V-JEPA 2-AC, average | real robot, from the paper | 100 % | 65 % | 25 % |" in page
    numbers = json.loads((tmp_path / "out" / "compare.json").read_text())
    assert numbers["mcnemar"][0]["p_value"] == 1.0
    assert "| cem (a) | 50 % (10–90), 1/2 | 320 |" in page
    printed = capsys.readouterr().out
    assert "exact p" in printed
    assert "50 % (10–90), 1/2" in printed


def test_other_episodes_are_told_and_the_same_are_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = str(write(tmp_path / "few", "cem", [True, False]))
    many = str(write(tmp_path / "many", "icem", [True] * 8))
    options = ["compare", "--out", str(tmp_path / "out"), "--reports"]
    assert main([*options, few, many]) == 0
    page = (tmp_path / "out" / "compare.md").read_text()
    line = "**Not the same episodes**: reach (cem 2, icem 8). Rates are over all that each played"
    assert line in page
    assert line in capsys.readouterr().out
    assert "the same episodes for all" not in page
    assert "role validation, level light, seed 0." in page
    assert main([*options, many, str(write(tmp_path / "mppi", "mppi", [False] * 8))]) == 0
    page = (tmp_path / "out" / "compare.md").read_text()
    assert "level light, seed 0; of each task the same episodes for all who played it." in page
    assert "Not the same" not in page
    assert json.loads((tmp_path / "out" / "compare.json").read_text())["level"] == "light"


def test_one_planner_against_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = [str(write(tmp_path / name, name, [True])) for name in ("cem", "icem", "mppi")]
    options = ["compare", "--reports", *folders, "--out", str(tmp_path / "out")]
    assert main([*options, "--against", "icem"]) == 0
    numbers = json.loads((tmp_path / "out" / "compare.json").read_text())["mcnemar"]
    assert [(p["first"], p["second"]) for p in numbers] == [("cem", "icem"), ("icem", "mppi")]
    assert main([*options, "--against", "icen"]) == 2
    assert "Did you mean 'icem'" in capsys.readouterr().err
    content = json.loads((tmp_path / "icem" / "report.json").read_text())
    write(tmp_path / "icem", "icem", [True], tasks={"grasp-box": content["tasks"]["reach"]})
    assert main([*options, "--against", "icem"]) == 2
    assert "icem and the others have no episode of any task in common" in capsys.readouterr().err


def test_folders_of_the_same_name_are_told_apart(tmp_path: Path) -> None:
    folders = [write(tmp_path / n / "cem", "cem", [True]) for n in ("old", "new")]
    third = write(tmp_path / "icem", "icem", [True])
    names = [report.name for report in read_reports([*folders, third])]
    assert names == ["cem (old/cem)", "cem (new/cem)", "icem"]
    kept = (third / "report.json").rename(third / "first.json")
    again = write(tmp_path / "icem", "icem", [True])
    assert [r.name for r in read_reports([kept, again])] == ["icem (first)", "icem (icem)"]
    with pytest.raises(BadValueError, match="given twice"):
        read_reports([folders[0], folders[0] / "report.json"])


def ruled(told: dict[str, Any]) -> dict[str, Any]:
    """Return the report of cem-paper with our rules for the hand, by the options of the docs."""
    (options,) = re.findall(r"^    cem-paper:(\S+)", PLANNING.read_text(), re.MULTILINE)
    planner = with_options(load_planner("cem-paper"), options.split(","))
    assert planner.config.bounds == HAND_RULES["bounds"]  # type: ignore[attr-defined]
    return {**told, "planner": {**planner.describe(), "name": "cem-paper"}}


def test_what_is_unlike_beside_the_planner_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told: dict[str, Any] = {"model_sha256": "a" * 64, "code": "1" * 40, "camera": "elevated"}
    one = write(tmp_path / "a", "cem", [True], **told)
    same = write(tmp_path / "b", "icem", [True], **told)
    for key, words in (("model_sha256", "model"), ("code", "code"), ("camera", "camera placement")):
        other = write(tmp_path / key, "mppi", [True], **{**told, key: "left"})
        (line,) = unlike(read_reports([one, same, other]))
        assert line.startswith(f"**Not the same {words}**: cem, icem `")
        assert "`; mppi `left`. What is" in line
    told["planner"] = load_planner("cem-paper").describe() | {"name": "cem-paper"}
    free = write(tmp_path / "c", "", [True], **told)
    (line,) = unlike(read_reports([free, write(tmp_path / "d", "", [True], **ruled(told))]))
    assert line.startswith("**Not the same rules for the hand**: cem-paper (c) `gripper 0.75, ")
    assert "cem-paper (d) `gripper 1.0, grip_within 0.015, " in line
    folders = [str(one), str(write(tmp_path / "older", "cem", [True]))]
    assert main(["compare", "--reports", *folders, "--out", str(tmp_path / "out")]) == 0
    page = (tmp_path / "out" / "compare.md").read_text()
    assert page.count("**Not the same") == capsys.readouterr().out.count("**Not the same") == 3
    assert "cem (older) `not told`" in page


def test_runs_that_cannot_be_compared_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = write(tmp_path / "a", "cem", [True]), write(tmp_path / "b", "cem", [True], seed=4)
    with pytest.raises(BadValueError, match=r"seed 4.*same episodes"):
        read_reports([one, other])
    with pytest.raises(BadFileError, match="cannot be read"):
        read_reports([one, tmp_path / "none"])
    (tmp_path / "odd.json").write_text("[1]")
    with pytest.raises(BadFileError, match="is no report"):
        read_reports([one, tmp_path / "odd.json"])
    content = json.loads((one / "report.json").read_text())
    for change in ({"wilson95": None}, {"per_episode": [{"seed": 3, "success": True}]}):
        task = {**content["tasks"]["reach"], **change}
        damaged = {**content, "tasks": {"reach": task}}
        (tmp_path / "odd.json").write_text(json.dumps(damaged))
        with pytest.raises(BadFileError, match="is no report"):
            read_reports([one, tmp_path / "odd.json"])
    del content["seed"]
    (tmp_path / "odd.json").write_text(json.dumps(content))
    with pytest.raises(BadFileError, match="no field 'seed'"):
        read_reports([one, tmp_path / "odd.json"])
    assert main(["compare", "--reports", str(one)]) == 2
    assert "two or more" in capsys.readouterr().err


def test_averages_of_the_paper_are_those_of_its_labs() -> None:
    for first in (0, 3):
        labs, average = TABLE_2[first : first + 2], TABLE_2[first + 2]
        rates = zip(*(lab.rates for lab in labs), strict=True)
        assert [sum(pair) / 2 for pair in rates] == list(average.rates)
    assert {row.method: row.seconds for row in TABLE_3} == {"Cosmos": 240.0, "V-JEPA 2-AC": 16.0}


def test_a_report_holds_the_tables(env: FakeReach, tmp_path: Path) -> None:
    report = evaluate(evaluation(tmp_path, controls=("random",)), lambda *_: None)
    page = (tmp_path / "report.md").read_text()
    row = next(line for line in page.splitlines() if line.startswith("| **Armchair, cem"))
    assert "| 100 % (44–100), 3/3 | – | – |" in row
    assert "role validation, level light |" in row
    parallel = {**report.to_dict(), "workers": 2}
    assert "side by side, no timing" in paper_tables({"ours": parallel})


def test_thresholds_pass_and_fail(env: FakeReach, tmp_path: Path) -> None:
    report = evaluate(evaluation(tmp_path / "run", controls=("hold",)), lambda *_: None)
    file = tmp_path / "ci.toml"
    file.write_text("[reach]\nleast_rate = 1.0\nleast_rate_above = { hold = 1.0 }\n")
    assert failures(report, read_thresholds(file)) == []
    file.write_text(
        "[reach]\nmost_median_distance_m = 1e-6\nmost_median_plan_seconds = 1e-9\nleast_rate = 1\n"
        "least_rate_above = { hold = 1, random = 0.1 }\n[grasp-box]\nleast_rate = 0\n"
    )
    task = report.tasks["reach"]
    worse = replace(task, score=replace(task.score, rate=0.5))
    missed = failures(replace(report, tasks={"reach": worse}), read_thresholds(file))
    for words in ("success rate 0.50, at", "median distance", "s per action", "of hold"):
        assert any(words in line for line in missed), words
    assert "reach: control random was not played" in missed
    assert "grasp-box: was not played" in missed
    unplanned = replace(task.score, plan_seconds=Quantiles(median=0.0, p90=0.0))
    stopped = replace(report, tasks={"reach": replace(task, score=unplanned)})
    assert any("no action was planned" in line for line in failures(stopped, read_thresholds(file)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "asks for nothing"),
        ("[reach]", "asks for nothing"),
        ("[reech]\nleast_rate = 1", "Did you mean 'reach'"),
        ("[reach]\nleast_rat = 1", "Did you mean 'least_rate'"),
        ('[reach]\nleast_rate = "all"', "is 'all'"),
        ("[reach]\nleast_rate_above = 0.5", "is 0.5"),
        ("[reach]\nleast_rate = nan", "is nan"),
        ("[reach]\nmost_median_distance_m = inf", "is inf"),
        ("[reach]\nleast_rate = true", "is True"),
        ("[reach]\nleast_rate_above = { hold = nan }", "is {'hold': nan}"),
        ("[reach]\nleast_rate_above = { randm = 0.5 }", "Did you mean 'random'"),
        ("[reach]\nleast_rate_above = {}", "least_rate_above asks for nothing"),
        ("[reach]\nleast_rate = 60", "is 60. It must be a share of episodes from 0 to 1."),
        ("[reach]\nleast_rate = -1", "is -1. It must be a share"),
        ("[reach]\nmost_median_distance_m = -3", "is -3. It must be metres above 0."),
        ("[reach]\nmost_median_plan_seconds = 0", "is 0. It must be seconds above 0."),
        ("[reach]\nleast_rate_above = { random = 5 }", "must be differences of shares from -1"),
        ("[reach", "is no TOML"),
    ],
)
def test_a_bad_file_of_thresholds_is_named(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "ci.toml"
    file.write_text(text)
    with pytest.raises(BadFileError, match=message):
        read_thresholds(file)


def test_thresholds_of_what_is_not_played_are_refused_before_it_is(tmp_path: Path) -> None:
    file = tmp_path / "ci.toml"
    file.write_text("[reach]\nleast_rate_above = { hold = 0.5 }\n[grasp-box]\nleast_rate = 1\n")
    wanted = read_thresholds(file)
    check_played(file, wanted, ["reach", "grasp-box"], ["hold", "random"])
    with pytest.raises(BadFileError, match="--controls hold"):
        check_played(file, wanted, ["reach", "grasp-box"], ["random"])
    with pytest.raises(BadFileError, match="--tasks grasp-box"):
        check_played(file, wanted, ["reach"], ["hold"])


def test_seconds_are_the_median_of_the_tasks_that_the_table_shows(tmp_path: Path) -> None:
    content = json.loads((write(tmp_path, "cem", [True]) / "report.json").read_text())
    tasks = {
        name: {**content["tasks"]["reach"], "plan_seconds": {"median": seconds}}
        for name, seconds in {"reach": 1.0, "grasp-box": 2.0, "reach-with-cup": 9.0}.items()
    }
    assert "| 1.50 s |" in paper_tables({"ours": {**content, "tasks": tasks}})
    alone = {"reach-with-cup": tasks["reach-with-cup"]}
    assert "| – | – |" in paper_tables({"ours": {**content, "tasks": alone}})
    stopped = {**content["tasks"]["reach"], "plan_seconds": {"median": 0.0}}
    assert "| 2.00 s |" in paper_tables(
        {"ours": {**content, "tasks": {"reach": stopped, "grasp-box": tasks["grasp-box"]}}}
    )
    assert "0.00 s" not in paper_tables({"ours": {**content, "tasks": {"reach": stopped}}})


def test_our_own_thresholds_are_readable() -> None:
    wanted = read_thresholds(Path(__file__).parents[2] / "scripts" / "ci_thresholds.toml")
    assert wanted["reach"].least_rate is not None

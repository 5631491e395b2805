"""Workers: every episode once, deaths survived and told, and the same report as a serial run."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from armchair.errors import BadValueError
from armchair.evaluation import crew, players, run
from armchair.evaluation.contestants import Entry
from armchair.evaluation.crew import Crew, Job, WorkerDiedError
from armchair.evaluation.models import load_world_model
from armchair.evaluation.outcomes import Outcome
from armchair.evaluation.players import PlayerMaker
from armchair.evaluation.run import Evaluation, evaluate
from armchair.planners import load_planner, with_options
from tests.evaluation.conftest import evaluation
from tests.evaluation.crews import Mortal, outcome_of
from tests.evaluation.fakes import FakeReach

JOBS: list[Job] = [("reach", "planner", episode) for episode in range(5)]


def test_a_dead_worker_is_replaced_and_its_episodes_run_again(tmp_path: Path) -> None:
    lost: list[Job] = []
    mortal = Mortal(tmp_path, episode=2, deaths=1)
    played = list(Crew(mortal, workers=1, on_loss=lost.append).play(JOBS))
    assert sorted(job for job, _ in played) == JOBS
    assert all(outcome == outcome_of(job) for job, outcome in played)
    assert lost == [("reach", "planner", 2)]


@pytest.mark.slow
def test_an_episode_that_always_kills_is_named(tmp_path: Path) -> None:
    killed = Crew(Mortal(tmp_path, episode=1, deaths=99), workers=1)
    with pytest.raises(WorkerDiedError, match="reach · planner · 1: 3 worker processes died"):
        list(killed.play(JOBS[:2]))


class Scripted(Crew):
    """Every job in the order given, two side by side; 7 kills the process it is played in."""

    def _until_death(
        self, jobs: list[Job], workers: int, lost: list[Job]
    ) -> Iterator[tuple[Job, Outcome]]:
        for first in range(0, len(jobs), workers):
            together = jobs[first : first + workers]
            if any(job[2] == 7 for job in together):
                lost += together
                return
            yield from ((job, outcome_of(job)) for job in together)


def test_an_innocent_beside_a_killer_is_played_and_the_killer_named() -> None:
    jobs: list[Job] = [("reach", "planner", episode) for episode in (0, 1, 2, 7, 4)]
    played = Scripted(lambda: outcome_of, workers=2).play(jobs)
    assert [next(played)[0][2] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(WorkerDiedError, match="reach · planner · 7"):
        next(played)


def test_a_worker_that_dies_idle_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Here:
        """A pool that plays at once; the first breaks when a second job comes."""

        pools = 0

        def __init__(self) -> None:
            Here.pools += 1
            self.number, self.jobs = Here.pools, 0

        def submit(self, play: Any, *arguments: Any) -> Future[Outcome]:
            self.jobs += 1
            if (self.number, self.jobs) == (1, 2):
                raise BrokenProcessPool
            future: Future[Outcome] = Future()
            future.set_result(outcome_of(arguments[-1]))
            return future

    monkeypatch.setattr(crew, "spawned", lambda workers: nullcontext(Here()))
    lost: list[Job] = []
    played = [job for job, _ in Crew(lambda: outcome_of, 1, on_loss=lost.append).play(JOBS)]
    assert (played, lost, Here.pools) == (JOBS, [], 2)


def test_at_least_one_worker(tmp_path: Path) -> None:
    with pytest.raises(BadValueError, match="workers is 0"):
        Crew(Mortal(tmp_path, 0, 0), workers=0)


class InProcess(Crew):
    """Plays here, by the real player of a worker, and says that one episode was lost on the way."""

    def play(self, jobs):  # type: ignore[no-untyped-def]
        player = self.make_player()
        for job in reversed(list(jobs)):
            yield job, player(job)
        self.on_loss(("reach", "planner", 1))


def test_workers_and_a_serial_run_agree(
    env: FakeReach, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = evaluate(evaluation(tmp_path / "alone"), lambda *_: None)
    shared = evaluation(tmp_path / "shared")
    monkeypatch.setattr(players, "load_world_model", lambda name: shared.named_model)
    monkeypatch.setattr(run, "Crew", InProcess)
    seen: list[tuple[str, Outcome]] = []
    two = type(shared)(**{**vars(shared), "workers": 2})
    report = evaluate(two, lambda task, who, outcome: seen.append((who, outcome)))
    assert len(seen) == 3 * 7
    for one, other in zip(
        alone.tasks["reach"].per_episode, report.tasks["reach"].per_episode, strict=True
    ):
        assert one.distances_m == other.distances_m
    for name, score in alone.tasks["reach"].controls.items():
        assert score.final_distance_m == report.tasks["reach"].controls[name].final_distance_m
    written = report.to_dict()
    assert written["workers"] == 2
    assert written["reruns"] == ["reach · planner · 1"]
    page = (tmp_path / "shared" / "report.md").read_text()
    assert "A worker process died" in page
    assert "reach · planner · 1" in page
    assert "workers" not in alone.to_dict()


def test_a_planner_that_no_worker_could_get_is_refused(tmp_path: Path) -> None:
    class Local:
        def describe(self) -> dict[str, object]:
            return {}

    own = replace(evaluation(tmp_path), planner_name="own", planner=Local())
    with pytest.raises(BadValueError, match=r"planner 'own' cannot be sent .*--workers 1"):
        replace(own, workers=2)


@pytest.mark.slow
def test_two_real_processes_play_what_one_plays(tmp_path: Path) -> None:
    """The shipped model and the simulator, in processes of their own."""
    planner = with_options(
        load_planner("cem"), ["samples=4", "elites=2", "carried=0", "iterations=1"]
    )
    reports = []
    for workers in (1, 2):
        protocol = replace(
            evaluation(tmp_path / str(workers), episodes=2, controls=()).protocol, level="none"
        )
        two = Evaluation(
            tasks=("reach",),
            named_model=load_world_model("default"),
            planner_name="cem",
            planner=planner,
            protocol=protocol,
            workers=workers,
        )
        reports.append(evaluate(two, lambda *_: None))
    one, other = (report.tasks["reach"].per_episode for report in reports)
    assert [row.distances_m for row in one] == [row.distances_m for row in other]
    assert reports[1].to_dict()["workers"] == 2


def test_the_player_maker_is_small_and_complete(tmp_path: Path) -> None:
    import pickle

    shared = evaluation(tmp_path)
    maker = PlayerMaker(
        model="default",
        planner=shared.planner,
        protocol=shared.protocol,
        context_frames=1,
        workers=2,
    )
    sent = pickle.dumps(maker)
    assert len(sent) < 5000
    assert pickle.loads(sent) == maker
    assert isinstance(shared.entry(), Entry)

"""Workers: every episode once, deaths survived and told, and the same report as a serial run."""

from __future__ import annotations

from pathlib import Path

import pytest

from armchair.errors import BadValueError
from armchair.evaluation import players, run
from armchair.evaluation.contestants import Entry
from armchair.evaluation.crew import Crew, Job, WorkerDiedError
from armchair.evaluation.outcomes import Outcome
from armchair.evaluation.players import PlayerMaker
from armchair.evaluation.run import evaluate
from tests.evaluation.conftest import evaluation
from tests.evaluation.crews import Mortal, outcome_of
from tests.evaluation.fakes import FakeReach

JOBS: list[Job] = [("reach", "planner", episode) for episode in range(5)]


def test_a_dead_worker_is_replaced_and_its_episodes_run_again(tmp_path: Path) -> None:
    crew = Crew(Mortal(tmp_path, episode=2, deaths=1), workers=1)
    played = list(crew.play(JOBS))
    assert sorted(job for job, _ in played) == JOBS
    assert all(outcome == outcome_of(job) for job, outcome in played)
    assert crew.reruns == [("reach", "planner", 2)]


@pytest.mark.slow
def test_an_episode_that_always_kills_is_named(tmp_path: Path) -> None:
    crew = Crew(Mortal(tmp_path, episode=1, deaths=99), workers=1)
    with pytest.raises(WorkerDiedError, match="reach · planner · 1: 3 worker processes died"):
        list(crew.play(JOBS[:2]))


def test_at_least_one_worker(tmp_path: Path) -> None:
    with pytest.raises(BadValueError, match="workers is 0"):
        Crew(Mortal(tmp_path, 0, 0), workers=0)


class InProcess(Crew):
    """Plays here, by the real player of a worker, and says that one episode was lost on the way."""

    def play(self, jobs):  # type: ignore[no-untyped-def]
        player = self.make_player()
        for job in reversed(list(jobs)):
            yield job, player(job)
        self.reruns.append(("reach", "planner", 1))


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

"""Episodes played by several processes; one that dies is replaced and its episodes run again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from armchair.errors import ArmchairError, BadValueError
from armchair.evaluation.outcomes import Outcome
from armchair.sim.workers import spawned

Job = tuple[str, str, int]
"""Task, contestant, episode."""
Player = Callable[[Job], Outcome]
"""Plays one episode; the same outcome whatever it played before."""
MOST_DEATHS = 3
"""An episode during which so many processes died is given up."""


class WorkerDiedError(ArmchairError):
    """An episode cannot be played: the process dies each time."""


def ignore_loss(job: Job) -> None:
    """Take no notice."""


@dataclass(frozen=True)
class Crew:
    """Workers, each with a player of its own made by `make_player` (picklable) on its first job.

    on_loss: told of every job that was under way when a worker died, each time.
    """

    make_player: Callable[[], Player]
    workers: int
    on_loss: Callable[[Job], None] = ignore_loss

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise BadValueError(f"workers is {self.workers}, expected 1 or more.")

    def play(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Outcome]]:
        """Yield every job's outcome as it is done, in any order.

        What was under way when a worker died is played again alone: only then is it known which
        job it dies of. Raises `WorkerDiedError` for one that can never be played.
        """
        left = list(jobs)
        while left:
            done: set[Job] = set()
            lost: list[Job] = []
            for job, outcome in self._until_death(left, self.workers, lost):
                done.add(job)
                yield job, outcome
            for job in lost:
                yield job, self._alone(job)
            left = [job for job in left if job not in done and job not in lost]

    def _alone(self, job: Job) -> Outcome:
        for _ in range(MOST_DEATHS):
            if played := list(self._until_death([job], 1, [])):
                return played[0][1]
        raise WorkerDiedError(
            f"{' · '.join(map(str, job))}: {MOST_DEATHS} worker processes died while playing it "
            "alone. Memory may be short: look at the system's log."
        )

    def _until_death(
        self, jobs: list[Job], workers: int, lost: list[Job]
    ) -> Iterator[tuple[Job, Outcome]]:
        """Yield outcomes until all jobs are done or a worker has died, of which `lost` then tells
        what was under way; perhaps nothing."""
        waiting = iter(jobs)
        with spawned(workers) as pool:
            under_way: dict[Future[Outcome], Job] = {}
            while True:
                try:
                    self._fill(pool, workers, under_way, waiting)
                    if not under_way:
                        return
                    finished, _ = wait(under_way, return_when=FIRST_COMPLETED)
                    for future in finished:
                        outcome = future.result()
                        yield under_way.pop(future), outcome
                except BrokenProcessPool:
                    break
            yield from self._salvage(under_way, lost)

    def _fill(
        self,
        pool: ProcessPoolExecutor,
        workers: int,
        under_way: dict[Future[Outcome], Job],
        jobs: Iterator[Job],
    ) -> None:
        """Keep one job per worker under way, so that a death tells which were lost."""
        while len(under_way) < workers and (job := next(jobs, None)) is not None:
            under_way[pool.submit(_play, self.make_player, job)] = job

    def _salvage(
        self, under_way: dict[Future[Outcome], Job], lost: list[Job]
    ) -> Iterator[tuple[Job, Outcome]]:
        """Yield what was finished all the same; tell of the rest."""
        for future, job in under_way.items():
            if future.done() and future.exception() is None:
                yield job, future.result()
            else:
                self.on_loss(job)
                lost.append(job)


_player: Player | None = None


def _play(make_player: Callable[[], Player], job: Job) -> Outcome:
    """Play in a worker; the player is made once per process."""
    global _player
    if _player is None:
        _player = make_player()
    return _player(job)

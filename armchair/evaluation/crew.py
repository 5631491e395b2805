"""Episodes played by several processes; one that dies is replaced and its episodes run again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field

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


@dataclass
class Crew:
    """Workers, each with a player of its own made by `make_player` (picklable) on its first job.

    reruns: the jobs that were under way when a worker died, in order, with repetition.
    """

    make_player: Callable[[], Player]
    workers: int
    reruns: list[Job] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise BadValueError(f"workers is {self.workers}, expected 1 or more.")

    def play(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Outcome]]:
        """Yield every job's outcome as it is done, in any order."""
        left = list(jobs)
        while left:
            done: set[Job] = set()
            for job, outcome in self._until_death(left):
                done.add(job)
                yield job, outcome
            left = [job for job in left if job not in done]

    def _until_death(self, jobs: list[Job]) -> Iterator[tuple[Job, Outcome]]:
        """Yield outcomes until all jobs are done or a worker has died."""
        waiting = iter(jobs)
        with spawned(self.workers) as pool:
            under_way: dict[Future[Outcome], Job] = {}
            while True:
                try:
                    self._fill(pool, under_way, waiting)
                    if not under_way:
                        return
                    finished, _ = wait(under_way, return_when=FIRST_COMPLETED)
                    for future in finished:
                        outcome = future.result()
                        yield under_way.pop(future), outcome
                except BrokenProcessPool:
                    yield from self._salvage(under_way)
                    return

    def _fill(
        self, pool: ProcessPoolExecutor, under_way: dict[Future[Outcome], Job], jobs: Iterator[Job]
    ) -> None:
        """Keep one job per worker under way, so that a death tells which were lost."""
        while len(under_way) < self.workers and (job := next(jobs, None)) is not None:
            under_way[pool.submit(_play, self.make_player, job)] = job

    def _salvage(self, under_way: dict[Future[Outcome], Job]) -> Iterator[tuple[Job, Outcome]]:
        """Yield what was finished all the same; note the rest as lost."""
        for future, job in under_way.items():
            if future.done() and future.exception() is None:
                yield job, future.result()
            else:
                self.reruns.append(job)
        worn, times = max(Counter(self.reruns).items(), key=lambda item: item[1])
        if times >= MOST_DEATHS:
            raise WorkerDiedError(
                f"{' · '.join(map(str, worn))}: {times} worker processes died while playing it. "
                "Memory may be short: take fewer --workers, or look at the system's log."
            )


_player: Player | None = None


def _play(make_player: Callable[[], Player], job: Job) -> Outcome:
    """Play in a worker; the player is made once per process."""
    global _player
    if _player is None:
        _player = make_player()
    return _player(job)

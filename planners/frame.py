"""The frame around every search: answers what it asks, for one environment or several at once.

It counts, drops what is no number, and keeps the budget, so that no planner has to.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from armchair.errors import BadValueError
from armchair.planners.protocol import (
    Context,
    ImaginationError,
    LatentDynamics,
    Plan,
    check_problem,
    fitted_guess,
)
from armchair.planners.scoring import Problem, answers
from armchair.planners.search import Answer, Ask, Found, Search, SearchConfig, Start

C = TypeVar("C", bound=SearchConfig)


@dataclass(frozen=True)
class SearchPlanner(Generic[C]):
    """Any search as a `Planner`, for one environment or several at once."""

    config: C

    def describe(self) -> dict[str, Any]:
        """Return every setting as JSON-ready values; what has no limit is None."""
        return asdict(self.config, dict_factory=_json_ready)

    def plan(
        self,
        model: LatentDynamics,
        context: Context,
        goal: Tensor,
        generator: torch.Generator,
        warm_start: Tensor | None = None,
    ) -> Plan:
        """Return the plan found for goal latents (tokens, width); see `Planner.plan`."""
        return self.plan_batch(model, [context], [goal], [generator], [warm_start])[0]

    def plan_batch(
        self,
        model: LatentDynamics,
        contexts: Sequence[Context],
        goals: Sequence[Tensor],
        generators: Sequence[torch.Generator],
        warm_starts: Sequence[Tensor | None] | None = None,
    ) -> tuple[Plan, ...]:
        """Return one plan per environment: those that `plan` finds one after the other.

        Models that are `BatchedDynamics` imagine all environments in one call.
        """
        guesses = warm_starts or [None] * len(contexts)
        runs = [
            self._start(model, Problem(context, goal), generator, guess)
            for context, goal, generator, guess in zip(
                contexts, goals, generators, guesses, strict=True
            )
        ]
        c = self.config
        while pending := [run for run in runs if run.ask is not None]:
            asks = [(run.problem, run.ask) for run in pending if run.ask]
            found = answers(model, asks, c.objective, c.budget.memory_mb)
            for run, (energies, gradients) in zip(pending, found, strict=True):
                run.take(energies, gradients)
        return tuple(run.plan() for run in runs)

    def _start(
        self,
        model: LatentDynamics,
        problem: Problem,
        generator: torch.Generator,
        guess: Tensor | None,
    ) -> _Run:
        check_problem(model, problem.context, problem.goal)
        device, c = problem.context.latents.device, self.config
        if guess is not None:
            guess = fitted_guess(guess, c.horizon).to(device, torch.float32)
        start = Start(device, generator, guess if c.warm_start else None)
        return _Run(problem, c(start), c)


def _json_ready(entries: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: None if value == float("inf") else value for name, value in entries}


class _Run:
    """One environment's search under way: what it asks now, what it cost, the best so far."""

    def __init__(self, problem: Problem, search: Search, config: SearchConfig) -> None:
        self.problem, self._search, self._config = problem, search, config
        self._began = time.perf_counter()
        self._history: list[float] = []
        self._evaluations = self._gradients = self._dropped = 0
        self._best, self._lowest = torch.empty(0), float("inf")
        self._found: Found | None = None
        self.ask: Ask | None = next(search)
        budget = config.budget
        if budget.evaluations and self._cost(self.ask) > budget.evaluations:
            raise BadValueError(
                f"a budget of {budget.evaluations} evaluations is below one iteration, which takes "
                f"{self._cost(self.ask)} (candidates x horizon): raise it or take fewer candidates."
            )

    @staticmethod
    def _cost(ask: Ask) -> int:
        return ask.candidates.shape[0] * ask.candidates.shape[1]

    def take(self, energies: Tensor, gradients: Tensor | None) -> None:
        """Count and clean an answer, hand it on, and take the next question."""
        assert self.ask is not None
        numbers = energies.isfinite()
        if gradients is not None:
            numbers &= gradients.isfinite().all(dim=(1, 2))
        self._count(self.ask, numbers)
        energies = energies.where(numbers, torch.inf)
        if gradients is not None:
            gradients = gradients.where(numbers[:, None, None], 0.0)
        self._remember(self.ask, energies)
        self._go_on(Answer(energies, gradients))

    def _count(self, ask: Ask, numbers: Tensor) -> None:
        dropped = len(numbers) - int(numbers.sum())
        if dropped == len(numbers):
            raise ImaginationError(
                "the world model imagined latents that are not finite numbers for every candidate. "
                "Check the checkpoint, or set ARMCHAIR_FLOAT32=1 to rule out low precision."
            )
        self._dropped += dropped
        self._evaluations += self._cost(ask)
        self._gradients += self._cost(ask) if ask.gradient else 0

    def _remember(self, ask: Ask, energies: Tensor) -> None:
        place = int(energies.argmin())
        if energies[place] < self._lowest:
            self._best = ask.candidates[place].detach().clone()
            self._lowest = float(energies[place])
        self._history.append(self._lowest)

    def _go_on(self, answer: Answer) -> None:
        try:
            self.ask = self._search.send(answer)
        except StopIteration as end:
            self._found, self.ask = end.value, None
            return
        spent, limits = self._evaluations + self._cost(self.ask), self._config.budget
        late = limits.seconds and time.perf_counter() - self._began >= limits.seconds
        if late or (limits.evaluations and spent > limits.evaluations):
            self._search.close()
            self.ask = None

    def plan(self) -> Plan:
        """Return the plan of a search that has ended."""
        found = self._found or Found(self._config.rounded(self._best), self._lowest)
        missing = self._config.horizon - len(found.actions)
        return Plan(
            actions=F.pad(self._config.carried_out(found.actions), (0, 0, 0, missing)).cpu(),
            energy=self._history[-1] if found.energy is None else found.energy,
            history=tuple(self._history),
            evaluations=self._evaluations,
            gradients=self._gradients,
            dropped=self._dropped,
            cut_short=self._found is None,
        )

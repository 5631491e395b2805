"""The frame around every search: answers what it asks, for one environment or several at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from armchair.planners.protocol import (
    Context,
    ImaginationError,
    LatentDynamics,
    Plan,
    check_problem,
    fitted_guess,
)
from armchair.planners.run import Run
from armchair.planners.scoring import Problem, answers
from armchair.planners.search import SearchConfig, Start

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
        """Return the plan found for goal latents (tokens, width); see `Planner.plan`.

        Raises `ImaginationError` if no candidate's energy is a number.
        """
        (found,) = self.plan_batch(model, [context], [goal], [generator], [warm_start])
        if isinstance(found, ImaginationError):
            raise found
        return found

    def plan_batch(
        self,
        model: LatentDynamics,
        contexts: Sequence[Context],
        goals: Sequence[Tensor],
        generators: Sequence[torch.Generator],
        warm_starts: Sequence[Tensor | None] | None = None,
    ) -> tuple[Plan | ImaginationError, ...]:
        """Return per environment the plan that `plan` finds, or the error that it raises.

        Models that are `BatchedDynamics` imagine all environments in one call.
        """
        c = self.config
        if c.compile and hasattr(model, "compile_rollouts"):
            model.compile_rollouts()
        guesses = warm_starts or [None] * len(contexts)
        runs = [
            self._start(model, Problem(context, goal), generator, guess)
            for context, goal, generator, guess in zip(
                contexts, goals, generators, guesses, strict=True
            )
        ]
        while pending := [run for run in runs if run.ask is not None]:
            asks = [(run.problem, run.ask) for run in pending if run.ask]
            found = answers(model, asks, c.objective, c.budget.memory_mb)
            for run, (energies, gradients) in zip(pending, found, strict=True):
                run.take(energies, gradients)
        return tuple(run.outcome() for run in runs)

    def _start(
        self,
        model: LatentDynamics,
        problem: Problem,
        generator: torch.Generator,
        guess: Tensor | None,
    ) -> Run:
        check_problem(model, problem.context, problem.goal)
        device, c = problem.context.latents.device, self.config
        if guess is not None:
            guess = fitted_guess(guess, c.horizon).to(device, torch.float32)
        start = Start(device, generator, guess if c.warm_start else None)
        return Run(problem, c(start), c)


def _json_ready(entries: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: None if value == float("inf") else value for name, value in entries}

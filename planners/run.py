"""One environment's search under way: what it asks now, what that cost, the best of what it saw."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from armchair.errors import BadValueError
from armchair.planners.protocol import ImaginationError, Plan
from armchair.planners.scoring import Problem
from armchair.planners.search import Answer, Ask, Found, Search, SearchConfig

ROUNDING = 1e-6
"""Actions that differ by less, in metres, radians or closedness, are the same."""


@dataclass(frozen=True)
class _Lowest:
    """The candidate (horizon, 7) of lowest energy so far; infinite where there is none."""

    actions: Tensor
    energy: float = float("inf")

    def or_better(self, candidates: Tensor, energies: Tensor) -> _Lowest:
        """Return the best of this and of candidates (n, horizon, 7) with energies (n,)."""
        place = int(energies.argmin())
        if not energies[place] < self.energy:
            return self
        return _Lowest(candidates[place].detach().clone(), float(energies[place]))


class Run:
    """Counts, drops what is no number, keeps the budget; `ask` is None once it has ended."""

    def __init__(self, problem: Problem, search: Search, config: SearchConfig) -> None:
        self.problem, self._config = problem, config
        self._search = self._scored(search)
        self._began = time.perf_counter()
        self._history: list[float] = []
        self._evaluations = self._gradients = self._dropped = 0
        self._lowest = self._legal = _Lowest(torch.empty(0))
        self._found: Found | None = None
        self._failure: ImaginationError | None = None
        self._cut_short = False
        self.ask: Ask | None = next(self._search)
        _check_budget(config.budget.evaluations, self.ask)

    def take(self, energies: Tensor, gradients: Tensor | None) -> None:
        """Count and clean an answer, hand it on, and take the next question.

        energies (candidates,), or (candidates, 2) where coarse ones were asked for, too.
        """
        assert self.ask is not None
        coarse = None
        numbers = energies.isfinite()
        if self.ask.coarse:
            numbers = numbers.all(dim=1)
            energies, coarse = energies.where(numbers[:, None], torch.inf).unbind(dim=1)
        if gradients is not None:
            numbers &= gradients.isfinite().all(dim=(1, 2))
            gradients = gradients.where(numbers[:, None, None], 0.0)
        energies = energies.where(numbers, torch.inf)
        self._dropped += len(numbers) - int(numbers.sum())
        self._evaluations += self.ask.cost
        self._gradients += self.ask.cost if self.ask.gradient else 0
        self._remember(self.ask.candidates, energies)
        try:
            if self._lowest.energy == math.inf:
                raise _nothing_finite()
            self._go_on(Answer(energies, gradients, coarse))
        except ImaginationError as error:
            self._failure, self.ask = error, None

    def outcome(self) -> Plan | ImaginationError:
        """Return the plan of a search that has ended, or why there is none."""
        if self._failure is not None:
            return self._failure
        found = self._found
        assert found is not None
        assert found.energy is not None
        missing = self._config.horizon - len(found.actions)
        return Plan(
            actions=F.pad(self._config.carried_out(found.actions), (0, 0, 0, missing)).cpu(),
            energy=found.energy,
            history=tuple(self._history),
            evaluations=self._evaluations,
            gradients=self._gradients,
            dropped=self._dropped,
            cut_short=self._cut_short,
        )

    def _remember(self, candidates: Tensor, energies: Tensor) -> None:
        moved = (candidates - self._config.legal(candidates)).abs().amax(dim=(1, 2))
        legal = energies.where(moved <= ROUNDING, torch.inf)
        self._lowest = self._lowest.or_better(candidates, energies)
        self._legal = self._legal.or_better(candidates, legal)
        self._history.append(self._lowest.energy)

    def _go_on(self, answer: Answer | None) -> None:
        try:
            self.ask = self._search.send(answer)  # type: ignore[arg-type]  # None starts it
        except StopIteration as end:
            self._found, self.ask = end.value, None
            return
        seconds = self._config.budget.seconds
        late = seconds and time.perf_counter() - self._began >= seconds
        if not self._cut_short and (late or not self._affords(self.ask)):
            self._search.close()
            self._search, self._cut_short = self._best_seen(), True
            self._go_on(None)

    def _affords(self, ask: Ask) -> bool:
        limit = self._config.budget.evaluations
        return not limit or self._evaluations + ask.cost <= limit

    def _scored(self, search: Search) -> Search:
        """Search, and ask for the energy of what was found where the search did not."""
        found = yield from search
        if found.energy is None:
            energy = float((yield Ask(found.actions[None])).energies[0])
            found = Found(found.actions, energy)
        if math.isfinite(found.energy or 0.0):
            return found
        return (yield from self._best_seen())

    def _best_seen(self) -> Search:
        """Find the best candidate seen, made legal and scored again where it is not.

        Where the budget has no room for that, the best of those that are legal as they are.
        """
        made = Ask(self._config.legal(self._lowest.actions)[None])
        nothing_else = self._legal.energy == math.inf
        if self._lowest.energy < self._legal.energy and (nothing_else or self._affords(made)):
            yield made
        if self._legal.energy == math.inf:
            raise _nothing_finite()
        return Found(self._legal.actions, self._legal.energy)


def _nothing_finite() -> ImaginationError:
    return ImaginationError(
        "the world model imagined latents that are not finite numbers for every candidate. "
        "Check the checkpoint, or set ARMCHAIR_FLOAT32=1 to rule out low precision."
    )


def _check_budget(evaluations: int, first: Ask) -> None:
    """Raise `BadValueError` for a budget that may not suffice for the first iteration."""
    most = first.candidates.shape[0] * first.candidates.shape[1]
    if 0 < evaluations < most:
        takes = "takes" if first.lengths is None else "takes up to"
        raise BadValueError(
            f"a budget of {evaluations} evaluations is below one iteration, which {takes} {most} "
            "(candidates x horizon): raise it or take fewer candidates."
        )

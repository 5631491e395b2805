"""Cross-entropy method over waypoints: where the hand should be, not what it should do next.

A picture of the hand costs about the same energy wherever it does not overlap the goal's, so that a
search over one short action sees no slope from afar, and leaves for some other valley. A candidate
here is a displacement of several actions' length; it is imagined in as many steps as the bounds on
an action demand, one where it is near, and scored where it ends. Only the first action is carried
out, at full speed, before everything is planned anew. The first iterations choose by the energy of
neighbouring tokens' means, which falls from farther off; what is returned is judged by eq. (5).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from armchair.errors import BadValueError
from armchair.planners.cem import check_carried, check_elites, check_shares
from armchair.planners.distribution import Distribution, Spread, best_of
from armchair.planners.frame import SearchPlanner
from armchair.planners.protocol import PLANNERS
from armchair.planners.search import (
    HAND_RULES,
    Answer,
    Ask,
    Found,
    Search,
    SearchConfig,
    Start,
    check_counts,
)

STILL = 1e-6
"""What is left of a way below this, in metres or radians, needs no further action."""


@dataclass(frozen=True, kw_only=True)
class CemWaypointConfig(SearchConfig):
    """horizon: actions that the farthest waypoint takes. first_samples, first_elites: of the
    first iteration, which looks everywhere. samples: of a later one where the best waypoints are
    one action away; farther ones are imagined in more steps, and so many times fewer are drawn.
    coarse_iterations: so many, at first but never the last, choose by the energy of neighbourhoods
    (`armchair.planners.energy.blurred`), which falls from afar. spread: deviations of the first
    distribution, the translation's and rotation's per action of the horizon. deviation_floor: share
    of `spread` below which none falls. carried: elites of one iteration that compete in the next.
    """

    horizon: int = 3
    first_samples: int = 192
    first_elites: int = 6
    samples: int = 96
    iterations: int = 6
    coarse_iterations: int = 3
    elites: int = 12
    carried: int = 4
    spread: Spread = field(default_factory=lambda: Spread(translation=0.045, rotation=0.06))
    deviation_floor: float = 0.08

    def __post_init__(self) -> None:
        super().__post_init__()
        check_counts(self, "first_samples", "samples", "iterations")
        check_elites(self.first_elites, self.first_samples)
        check_elites(self.elites, self.samples)
        check_carried(self.carried, self.elites)
        check_shares(self, "deviation_floor")
        if self.coarse_iterations < 0:
            raise BadValueError(
                f"coarse_iterations is {self.coarse_iterations}, expected 0 or more."
            )

    def __call__(self, start: Start) -> Search:
        """Return a fresh search."""
        return search(self, start)


def search(c: CemWaypointConfig, start: Start) -> Search:
    """Search as the settings say; the best way seen is returned."""
    near = Distribution.first(c.spread, c.bounds, 1, start.device)
    floor = c.deviation_floor * near.deviation
    wide = torch.ones(7, device=start.device)
    wide[:6] = c.horizon
    distribution = Distribution(near.mean, near.deviation * wide)
    seen = _Seen(near.mean.new_empty((0, c.horizon, 7)), *near.mean.new_empty((2, 0)))
    count = c.first_samples
    for iteration in range(c.iterations):
        drawn = distribution.sample(count, start.generator)
        if iteration == 0:
            drawn = c.bounds.some_near(drawn, c.bounds.translation * c.horizon)
            if start.guess is not None:
                drawn[0] = start.guess.sum(dim=0, keepdim=True)
        ways, lengths = way_to(drawn[:, 0], c)
        coarse = iteration < min(c.coarse_iterations, c.iterations - 1)
        answer = yield Ask(ways, lengths=lengths, coarse=coarse)
        pool = seen.beside(ways, answer)
        best = pool.best(c.elites if iteration else c.first_elites, coarse=coarse)
        if not len(best.ways):
            continue
        elites, seen = best, best.first(c.carried)
        distribution = distribution.towards(elites.ways.sum(dim=1, keepdim=True), floor)
        _, steps = way_to(distribution.mean, c)
        count = max(c.samples // int(steps), min(2 * c.elites, c.samples))
    return Found(elites.ways[0], float(elites.energies[0]))


class _Seen(NamedTuple):
    """Ways (n, horizon, 7), their energies (n,), and those by neighbourhoods (n,)."""

    ways: Tensor
    energies: Tensor
    coarse: Tensor

    def beside(self, ways: Tensor, answer: Answer) -> _Seen:
        """Return these and what was answered about others; where nobody asked, sharp is coarse."""
        coarse = answer.energies if answer.coarse is None else answer.coarse
        return _Seen(
            torch.cat([self.ways, ways]),
            torch.cat([self.energies, answer.energies]),
            torch.cat([self.coarse, coarse]),
        )

    def best(self, count: int, *, coarse: bool) -> _Seen:
        """Return those of lowest finite energy, best first, by neighbourhoods or not."""
        numbers = torch.arange(len(self.ways), device=self.ways.device)
        rows, _ = best_of(numbers, self.coarse if coarse else self.energies, count)
        return _Seen(*(part[rows] for part in self))

    def first(self, count: int) -> _Seen:
        """Return the first so many."""
        return _Seen(*(part[:count] for part in self))


def way_to(waypoints: Tensor, c: SearchConfig) -> tuple[Tensor, Tensor]:
    """Return actions (n, horizon, 7) that lead to waypoints (n, 7), and how many are needed (n,).

    As fast as the bounds allow; the gripper acts on arrival. What is out of reach is approached.
    """
    left = waypoints[:, :6].clone()
    actions = waypoints.new_zeros((len(waypoints), c.horizon, 7))
    steps = torch.ones(len(waypoints), dtype=torch.long, device=waypoints.device)
    for step in range(c.horizon):
        steps = steps.where(left.abs().amax(dim=1) <= STILL, step + 1)
        move = torch.cat([left, torch.zeros_like(left[:, :1])], dim=1)
        actions[:, step] = c.bounds.clip(move)
        left = left - actions[:, step, :6]
    rows = torch.arange(len(waypoints), device=waypoints.device)
    actions[rows, steps - 1, 6] = waypoints[:, 6]
    return c.legal(actions), steps


@PLANNERS.add("cem-waypoint")
def cem_waypoint() -> SearchPlanner[CemWaypointConfig]:
    """Return our default: waypoints up to three actions away."""
    return SearchPlanner(CemWaypointConfig(warm_start=True, **HAND_RULES))

"""Cross-entropy method over waypoints: where the hand should be, not what it should do next.

A picture of the hand costs about the same energy wherever it does not overlap the goal's, so that a
search over one short action sees no slope from afar, and leaves for some other valley. A candidate
here is a displacement of several actions' length; it is imagined in as many steps as the bounds on
an action demand, one where it is near, and scored where it ends. Only the first action is carried
out, at full speed, before everything is planned anew. The first iterations choose by the energy of
neighbouring tokens' means, which falls from farther off; what is returned is judged by eq. (5).

What differs in depth alone looks nearly alike, so that the energy has a long, narrow valley along
the camera's line of sight, oblique to every axis of the arm: the translation is drawn with its
whole covariance. Half of the second iteration looks around each of the first's best, as the mean of
places in two valleys lies in neither.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from armchair.errors import BadValueError, check_least
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
)

STILL = 1e-6
"""What is left of a way below this, in metres or radians, needs no further action."""
NEAR_ELITES = 1 / 3
"""Share of the first elites that may come from draws near enough for the gripper to close."""


@dataclass(frozen=True, kw_only=True)
class CemWaypointConfig(SearchConfig):
    """horizon: actions that the farthest waypoint takes. first_samples, first_elites: of the
    first iteration, which looks everywhere. samples: of a later one where the best waypoints are
    one action away; farther ones are imagined in more steps, and so many times fewer are drawn.
    coarse_iterations: so many, at first but never the last, choose by the energy of neighbourhoods
    (`armchair.planners.energy.blurred`), which falls from afar. spread: deviations of the first
    distribution, the translation's and rotation's per action of the horizon. second_spread: of the
    second iteration's draws around each of the first's elites, as a share of that. deviation_floor:
    share of `spread` below which none falls. carried: elites of one iteration that compete in the
    next. descend_last: see `way_to`.
    """

    horizon: int = 3
    first_samples: int = 256
    first_elites: int = 6
    samples: int = 96
    iterations: int = 6
    coarse_iterations: int = 3
    elites: int = 12
    carried: int = 4
    spread: Spread = field(default_factory=lambda: Spread(translation=0.045, rotation=0.06))
    second_spread: float = 0.5
    descend_last: bool = True
    deviation_floor: float = 0.08

    def __post_init__(self) -> None:
        super().__post_init__()
        check_least(self, first_samples=1, samples=1, iterations=1)
        check_elites(self.first_elites, self.first_samples)
        check_elites(self.elites, self.samples)
        check_carried(self.carried, self.elites)
        check_shares(self, "second_spread", "deviation_floor")
        if self.objective.steps != "last":
            raise BadValueError(
                f"objective.steps is {self.objective.steps!r}, expected 'last': the candidates of "
                "cem-waypoint have different lengths, and only their last steps compare. Take cem."
            )
        if self.coarse_iterations < 0:
            raise BadValueError(
                f"coarse_iterations is {self.coarse_iterations}, expected 0 or more."
            )

    def __call__(self, start: Start) -> Search:
        """Return a fresh search."""
        return search(self, start)

    def coarse_at(self, iteration: int) -> bool:
        """Return whether an iteration chooses by neighbourhoods."""
        return iteration < min(self.coarse_iterations, self.iterations - 1)


def search(c: CemWaypointConfig, start: Start) -> Search:
    """Search as the settings say.

    Returned is the way of lowest energy among the last draws and those that were carried to them;
    what the coarse iterations saw and did not carry on is forgotten.
    """
    span = c.bounds.translation * c.horizon
    near = Distribution.first(c.spread, c.bounds, 1, start.device)
    floor = c.deviation_floor * near.deviation
    everywhere = _everywhere(near, c.horizon)
    drawn = everywhere.sample(c.first_samples, start.generator)
    drawn = c.bounds.some_near(drawn, span)
    if start.guess is not None:
        drawn[0] = start.guess.sum(dim=0)
    ways, lengths = way_to(drawn[:, 0], c)
    coarse = c.coarse_at(0)
    answer = yield Ask(ways, lengths=lengths, coarse=coarse)
    pool = _Seen.of(ways, answer)
    elites = pool.best_apart(c.bounds.near_count(len(ways), span), c.first_elites, coarse=coarse)
    distribution = everywhere.towards(elites.ends, floor, progress=False)
    for iteration in range(1, c.iterations):
        _, steps = way_to(distribution.mean, c)
        count = max(c.samples // int(steps), min(2 * c.elites, c.samples))
        drawn = distribution.sample(count, start.generator)
        if iteration == 1 and c.second_spread:
            wide = everywhere.closer(c.second_spread)
            drawn[::2] = wide.around(elites.ends, len(drawn[::2]), start.generator)
        ways, lengths = way_to(drawn[:, 0], c)
        coarse = c.coarse_at(iteration)
        answer = yield Ask(ways, lengths=lengths, coarse=coarse)
        pool = elites.first(c.carried).beside(_Seen.of(ways, answer))
        best = pool.best(c.elites, coarse=coarse)
        if not len(best.ways):
            continue
        elites = best
        distribution = distribution.towards(elites.ends, floor)
    return Found(elites.ways[0], float(elites.energies[0]))


def _everywhere(near: Distribution, horizon: int) -> Distribution:
    """Return the first distribution of waypoints (1, 7), from that of one action: the gripper moves
    no farther in several."""
    deviation = near.deviation.clone()
    deviation[:, :6] *= horizon
    return Distribution(near.mean, deviation).with_covariance()


class _Seen(NamedTuple):
    """Ways (n, horizon, 7), their energies (n,), and those by neighbourhoods (n,)."""

    ways: Tensor
    energies: Tensor
    coarse: Tensor

    @classmethod
    def of(cls, ways: Tensor, answer: Answer) -> _Seen:
        """Return what was answered about ways; where nobody asked, sharp is coarse."""
        return cls(
            ways, answer.energies, answer.energies if answer.coarse is None else answer.coarse
        )

    def beside(self, others: _Seen) -> _Seen:
        """Return these and others."""
        return _Seen(*(torch.cat(parts) for parts in zip(self, others, strict=True)))

    def best(self, count: int, *, coarse: bool) -> _Seen:
        """Return those of lowest finite energy, best first, by neighbourhoods or not."""
        numbers = torch.arange(len(self.ways), device=self.ways.device)
        rows, _ = best_of(numbers, self.coarse if coarse else self.energies, count)
        return _Seen(*(part[rows] for part in self))

    def best_apart(self, near: int, count: int, *, coarse: bool) -> _Seen:
        """Return so many of the best, `NEAR_ELITES` of them at most from the first `near`.

        Near ones are many in a small place, and would drown what is better farther off.
        """
        close = _Seen(*(part[:near] for part in self))
        far = _Seen(*(part[near:] for part in self))
        few = close.best(round(NEAR_ELITES * count), coarse=coarse)
        return few.beside(far.best(count - len(few.ways), coarse=coarse)).best(count, coarse=coarse)

    def first(self, count: int) -> _Seen:
        """Return the first so many."""
        return _Seen(*(part[:count] for part in self))

    @property
    def ends(self) -> Tensor:
        """Where they lead (n, 1, 7)."""
        return self.ways.sum(dim=1, keepdim=True)


def way_to(waypoints: Tensor, c: CemWaypointConfig) -> tuple[Tensor, Tensor]:
    """Return actions (n, horizon, 7) that lead to waypoints (n, 7), and how many are needed (n,).

    As fast as the bounds allow; the gripper acts on arrival, in an action of its own where the last
    one moves the hand too far for it. What is out of reach is approached. With `descend_last` the
    hand sinks as late as that allows, on ways of two actions or more to the side, and rises first:
    so it pushes nothing over.
    """
    left = waypoints[:, :6].clone()
    actions = waypoints.new_zeros((len(waypoints), c.horizon, 7))
    steps = torch.ones(len(waypoints), dtype=torch.long, device=waypoints.device)
    for step in range(c.horizon):
        steps = steps.where(left.abs().amax(dim=1) <= STILL, step + 1)
        move = torch.cat([left, torch.zeros_like(left[:, :1])], dim=1)
        actions[:, step] = c.bounds.clip(move)
        left = left - actions[:, step, :6]
    if c.descend_last and c.bounds.shape == "box":
        aside = (actions[:, 1:, :2].abs() > STILL).any(dim=2).any(dim=1)
        late = _late_descent(actions[:, :, 2], steps, c.bounds.translation)
        actions[:, :, 2] = late.where(aside[:, None], actions[:, :, 2])
    rows = torch.arange(len(waypoints), device=waypoints.device)
    gripper = waypoints[:, 6:]
    last = c.legal(torch.cat([actions[rows, steps - 1, :6], gripper], dim=1))
    apart = c.legal(torch.cat([torch.zeros_like(last[:, :6]), gripper], dim=1))
    waits = (last[:, 6] != apart[:, 6]) & (steps < c.horizon)
    steps = steps + waits.long()
    actions[rows, steps - 1, 6] = waypoints[:, 6]
    return c.legal(actions), steps


def _late_descent(heights: Tensor, steps: Tensor, bound: float) -> Tensor:
    """Return changes of height (n, horizon), the falling ones as late as steps (n,) allow."""
    left, late = heights.sum(dim=1), torch.zeros_like(heights)
    for step in range(heights.shape[1]):
        possible = bound * (steps - 1 - step).clamp(min=0)  # afterwards
        late[:, step] = (left + possible).clamp(max=0.0)
        left = left - late[:, step]
    return late.where(heights.sum(dim=1, keepdim=True) < 0.0, heights)


@PLANNERS.add("cem-waypoint")
def cem_waypoint() -> SearchPlanner[CemWaypointConfig]:
    """Return our default: waypoints up to three actions away."""
    return SearchPlanner(CemWaypointConfig(warm_start=True, **HAND_RULES))

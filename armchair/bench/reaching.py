"""How soon planners find an action as good as the paper's planner's answer.

The paper's planner runs in the plain rendering; what it answers is scored in float32. Each
contender plans the same problem; its answer is scored alike, and one that is not as good counts as
never.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from armchair.bench.measurement import BENCHMARKS, BenchSetting, Measurement
from armchair.bench.plain import PlainDynamics, plain_energies
from armchair.evaluation.episode import Scene
from armchair.evaluation.logged_pairs import drawn_pairs
from armchair.evaluation.pairs import FramePair, simulated_pair
from armchair.planners import (
    FREE_HAND,
    PLANNERS,
    Context,
    LatentDynamics,
    Planner,
    load_planner,
    with_options,
)
from armchair.worldmodel.model import WorldModel

REFERENCE = "cem-paper"
CONTENDERS = (
    "cem-fit",
    "cem",
    "cem:samples=128,iterations=8,deviation_floor=0",
)
ROUNDING = 1e-5
"""Energies that differ by a smaller share are one number in float32."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One plan: its seconds by the clock and of processors, and its answer's float32 energy."""

    seconds: float
    processor: float
    energy: float


@dataclass(frozen=True, kw_only=True)
class Race:
    """A contender's plans beside the reference's, in the order of the problems."""

    runs: tuple[Run, ...]
    references: tuple[Run, ...]

    @property
    def reached(self) -> list[bool]:
        """Whether each answer is as good as the reference's."""
        pairs = zip(self.runs, self.references, strict=True)
        return [own.energy <= other.energy * (1 + ROUNDING) for own, other in pairs]

    @property
    def seconds_to_energy(self) -> float:
        """Median seconds to the reference's energy; infinite where most problems never got there.

        The median of an even number is the upper of the two in the middle.
        """
        return self._to_energy([run.seconds for run in self.runs])

    def _to_energy(self, times: Sequence[float]) -> float:
        pairs = zip(times, self.reached, strict=True)
        return statistics.median_high([t if reached else float("inf") for t, reached in pairs])

    @property
    def speedup(self) -> float:
        """Median seconds of the reference over ours; zero if we never get there."""
        return statistics.median(run.seconds for run in self.references) / self.seconds_to_energy

    @property
    def speedup_processor_time(self) -> float:
        """The same in processors' time, which says more on a shared machine."""
        reference = statistics.median(run.processor for run in self.references)
        return reference / self._to_energy([run.processor for run in self.runs])


@BENCHMARKS.add("time-to-energy")
def time_to_energy(setting: BenchSetting) -> Measurement:
    """Race the contenders to the energy of the paper's planner on every problem."""
    model = setting.model
    planners = {name: contender(name) for name in setting.contenders or CONTENDERS}
    problems = [_problem(model, pair) for pair in pairs(setting)]
    references = run_all(model, PlainDynamics(model), load_planner(REFERENCE), problems)
    races = {}
    for name, planner in planners.items():
        runs = run_all(model, model, planner, problems)
        races[name] = Race(runs=runs, references=references)
    best = max(races, key=lambda name: races[name].speedup)
    figures: dict[str, float] = {}
    for name, race in races.items():
        figures[f"{name}: speedup to the energy"] = race.speedup
        figures[f"{name}: by processor time"] = race.speedup_processor_time
        figures[f"{name}: share that got there"] = sum(race.reached) / len(problems)
        figures[f"{name}: seconds a plan"] = statistics.median(r.seconds for r in race.runs)
    return Measurement(
        what=f"{best}: as low an energy as {REFERENCE}, {len(problems)} problems",
        seconds=statistics.median(run.seconds for run in races[best].runs),
        against=f"{REFERENCE} in the plain rendering",
        reference_seconds=statistics.median(run.seconds for run in references),
        figures={"best speedup to the energy": races[best].speedup, **figures},
    )


def contender(text: str) -> Planner:
    """Return the planner of `name` or `name:option=value,option=value`.

    Our planners' rules for the hand are lifted: the reference searches without them.
    """
    name, _, options = text.partition(":")
    lifted = FREE_HAND if name in PLANNERS else ()
    return with_options(
        load_planner(name), [*lifted, *(part for part in options.split(",") if part)]
    )


def run_all(
    model: WorldModel,
    dynamics: LatentDynamics,
    planner: Planner,
    problems: Sequence[tuple[Context, Tensor]],
) -> tuple[Run, ...]:
    """Return a plan of every problem over `dynamics`; answers are scored plainly over `model`."""
    runs = []
    for number, (context, goal) in enumerate(problems):
        generator = torch.Generator().manual_seed(number)
        began, used = time.perf_counter(), time.process_time()
        plan = planner.plan(dynamics, context, goal, generator)
        seconds, processor = time.perf_counter() - began, time.process_time() - used
        answer = plan.actions[None].to(context.latents)
        energy = float(plain_energies(model, context, answer, goal))
        runs.append(Run(seconds=seconds, processor=processor, energy=energy))
    return tuple(runs)


def pairs(setting: BenchSetting) -> list[FramePair]:
    """Return the pairs of frames: of logged episodes if there are, else simulated ones."""
    if setting.episodes is not None:
        return drawn_pairs(setting.episodes, setting.problems, seed=0)
    return [
        simulated_pair(Scene(role="validation", seed=0, episode=episode, level="light"))
        for episode in range(setting.problems)
    ]


def _problem(model: WorldModel, pair: FramePair) -> tuple[Context, Tensor]:
    start, goal = (
        model.encode(torch.from_numpy(seen.frame.copy())[None])[0]
        for seen in (pair.before, pair.after)
    )
    context = Context(
        latents=start[None],
        states=torch.as_tensor(pair.before.state[None], dtype=torch.float32, device=start.device),
        past_actions=start.new_zeros(0, 7),
    )
    return context, goal

"""The one training loop: steps, log, checkpoints; a kill or an interrupt loses at most minutes."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import numpy as np
import torch

from armchair.errors import ArmchairError, BadFileError, check_least
from armchair.worldmodel.optimisation import atomic
from armchair.worldmodel.optimisation.budget import Budget
from armchair.worldmodel.optimisation.reporter import Reporter
from armchair.worldmodel.optimisation.schedule import Schedule
from armchair.worldmodel.optimisation.setup import MAY_CHANGE, Setup, differences
from armchair.worldmodel.optimisation.team import Team

CHECKPOINT = "checkpoint.pt"
OTHER = "a checkpoint of another set-up"


@dataclass(frozen=True, kw_only=True)
class Moment:
    """Where in the run a step stands."""

    step: int
    rate: float
    """Learning rate."""
    expected_steps: float
    """Length of the whole run in steps."""
    wants_metrics: bool
    """Whether what `update` returns will be recorded (so that costly monitors may be left out)."""


class Learner(Protocol):
    """What the loop trains. Randomness must come from (seed, step) only: see `generator_at`."""

    def update(self, moment: Moment) -> dict[str, float]:
        """Do one optimiser step and return what to log."""

    def evaluate(self, step: int) -> dict[str, float]:
        """Return validation metrics (may be empty); must not change what is learnt."""

    def setup(self) -> Setup:
        """Return what decides what is learnt beside seed and length: recipe, data, encoder."""

    def state(self) -> dict[str, Any]:
        """Return everything that resume needs, as tensors and plain values."""

    def load_state(self, state: dict[str, Any]) -> None:
        """Take up `state`; raises if it belongs to something else."""


@dataclass(frozen=True, kw_only=True)
class LoopConfig:
    """How often the loop looks up from its work."""

    log_steps: int = 50
    """Steps between recorded metrics."""
    evaluate_steps: int = 1000
    """Steps between evaluations."""
    checkpoint_minutes: float = 5.0
    """Minutes between checkpoints."""

    def __post_init__(self) -> None:
        check_least(self, log_steps=1, evaluate_steps=1, checkpoint_minutes=0)


def generator_at(seed: int, step: int, stream: int = 0) -> torch.Generator:
    """Return the random generator of one step: the same after a resume as without one."""
    words = np.random.SeedSequence([seed, step, stream]).generate_state(2, np.uint32)
    return torch.Generator().manual_seed(int(words[0]) << 31 ^ int(words[1]))


def has_begun(folder: Path) -> bool:
    """Return whether a run in `folder` goes on from a checkpoint, which holds all it needs."""
    return (folder / CHECKPOINT).exists()


def run_loop(
    learner: Learner,
    *,
    folder: Path,
    budget: Budget,
    schedule: Schedule,
    config: LoopConfig,
    reporter: Reporter,
    team: Team | None = None,
    on_save: Callable[[int], None] = lambda step: None,
) -> int:
    """Train until the budget is spent; return the number of steps done in all.

    `on_save` is called by the leader after each checkpoint, with the steps done.
    Takes up `folder/checkpoint.pt` if there is one. Raises KeyboardInterrupt, after a checkpoint,
    on SIGINT or SIGTERM; `ArmchairError` when the disk is full.
    """
    team = team or Team()
    step, seconds = _resume(learner, folder, reporter, team)

    def save(step: int, seconds: float) -> None:
        if team.leads:
            _save(learner, folder, step, seconds)
            on_save(step)

    started, saved, paced = time.monotonic() - seconds, time.monotonic(), (time.monotonic(), step)
    with _stop_requests() as stop, atomic.one_line_when_full(folder):
        while (progress := budget.progress(step, seconds)) < 1.0:
            logging = (step + 1) % config.log_steps == 0
            values = learner.update(
                Moment(
                    step=step,
                    rate=schedule.rate(progress),
                    expected_steps=budget.expected_steps(step, seconds),
                    wants_metrics=logging,
                )
            )
            _check_finite(values, step, folder)
            step, now = step + 1, time.monotonic()
            seconds, stopping = team.agree(now - started, bool(stop))
            if logging:
                pace = (now - paced[0]) / (step - paced[1])
                paced = (now, step)
                values |= {"rate": schedule.rate(progress), "ms_per_step": 1e3 * pace}
                reporter.metrics(step, budget.progress(step, seconds), values)
            if team.leads and step % config.evaluate_steps == 0:
                reporter.metrics(step, budget.progress(step, seconds), learner.evaluate(step))
            if stopping or now - saved > 60.0 * config.checkpoint_minutes:
                save(step, seconds)
                saved = time.monotonic()
            if stopping:
                team.gather(step)  # no process leaves while the first one writes
                reporter.say(f"interrupted after step {step}; run the same command to go on")
                raise KeyboardInterrupt
        save(step, seconds)
        if team.agree(seconds, bool(stop))[1]:
            reporter.say("interrupted after the last step; run the same command to go on")
            raise KeyboardInterrupt
    return step


def _check_finite(values: dict[str, float], step: int, folder: Path) -> None:
    """Raise `ArmchairError` if a loss or gradient is no number; the last checkpoint stays."""
    watched = {name: values.get(name, 0.0) for name in ("loss", "gradient_norm")}
    wrong = [f"{name} is {value}" for name, value in watched.items() if not math.isfinite(value)]
    if wrong:
        raise _stopped(folder, ", ".join(wrong), step + 1)


def _stopped(folder: Path, what: str, step: int) -> ArmchairError:
    """Return the one line for numbers that are none at a step, counted from 1."""
    path = folder / CHECKPOINT
    kept = f"the last good checkpoint is {path}" if path.exists() else "no checkpoint was made yet"
    return ArmchairError(
        f"{folder}: {what} at step {step}: training stopped; {kept}. Lower the peak learning rate "
        "or look at the data of that step, then run the command again."
    )


def _save(learner: Learner, folder: Path, step: int, seconds: float) -> None:
    state = learner.state()
    if wrong := _not_finite(state):
        raise _stopped(folder, f"{wrong} is not finite", step)
    content = {"step": step, "seconds": seconds, "learner": state, "setup": learner.setup()}
    atomic.write_tensors(folder / CHECKPOINT, content)


def _not_finite(state: Any, name: str = "state") -> str:
    """Return the name of a tensor in nested dictionaries that holds what is no number, or ""."""
    if isinstance(state, torch.Tensor):
        return "" if bool(state.isfinite().all()) else name
    if not isinstance(state, dict):
        return ""
    found = (_not_finite(value, f"{name}.{key}") for key, value in state.items())
    return next((wrong for wrong in found if wrong), "")


def _resume(learner: Learner, folder: Path, reporter: Reporter, team: Team) -> tuple[int, float]:
    """Take up the checkpoint; raises `ArmchairError` if the team's processes have others."""
    step, seconds = _load(learner, folder / CHECKPOINT, reporter)
    if len(set(steps := team.gather(step))) > 1:
        raise ArmchairError(
            f"{folder}: the checkpoints that the processes found, by rank, are of the steps "
            f"{steps}; all must read the same. Use a disk that all nodes share, or copy it to each."
        )
    return step, seconds


def _load(learner: Learner, path: Path, reporter: Reporter) -> tuple[int, float]:
    if not path.exists():
        return 0, 0.0
    fix = "Delete it to start again, or choose another --out."
    content = atomic.read_tensors(path, fix)
    try:
        _check_setup(content.get("setup"), learner.setup(), path, fix, reporter)
        step, seconds = content["step"], float(content["seconds"])
        if type(step) is not int or step < 0 or not 0 <= seconds < math.inf:
            raise ValueError(f"step {step!r} after {seconds} seconds")
        learner.load_state(content["learner"])
    except torch.OutOfMemoryError:  # a RuntimeError that says nothing against the file
        raise
    except (KeyError, RuntimeError, ValueError, TypeError, AttributeError) as error:
        raise BadFileError(path, f"{OTHER} ({error})", fix) from error
    reporter.say(f"resuming {path} after step {step}")
    return step, seconds


def _check_setup(
    saved: Setup | None, asked: Setup, path: Path, fix: str, reporter: Reporter
) -> None:
    """Raise `BadFileError`, which says what differs, unless a checkpoint is of this set-up."""
    if saved is None:
        reporter.say(f"{path}: of an older Armchair, does not say of which recipe and data it is")
        return
    found = differences(saved, asked)
    if wrong := [line for line in found if not line.startswith(MAY_CHANGE)]:
        raise BadFileError(path, f"{OTHER}: {'; '.join(wrong)}", fix)
    for line in found:
        reporter.say(f"going on with another learning rate: {line}")


@contextmanager
def _stop_requests() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM in a list instead of dying in the middle of a step."""
    requests: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        requests.append(number)

    try:
        before = {n: signal.signal(n, note) for n in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not in the main thread: whoever is in charge there handles signals
        before = {}
    try:
        yield requests
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

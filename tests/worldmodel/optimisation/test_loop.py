"""The loop: resume, interrupt, full disk, damaged checkpoint."""

from __future__ import annotations

import errno
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from tensorboard.summary.writer.record_writer import RecordWriter

from armchair.errors import ArmchairError, BadFileError
from armchair.worldmodel.optimisation import atomic
from armchair.worldmodel.optimisation.budget import Budget
from armchair.worldmodel.optimisation.loop import (
    CHECKPOINT,
    LoopConfig,
    Moment,
    generator_at,
    run_loop,
)
from armchair.worldmodel.optimisation.reporter import Reporter
from armchair.worldmodel.optimisation.schedule import Schedule


class Walker:
    """A learner whose only weight walks at random, by the learning rate."""

    def __init__(self, stop_at: int | None = None, **recipe: float) -> None:
        self.place, self.stop_at, self.recipe = torch.zeros(()), stop_at, recipe

    def update(self, moment: Moment) -> dict[str, float]:
        if moment.step == self.stop_at:
            os.kill(os.getpid(), signal.SIGINT)
        self.place += moment.rate * torch.randn((), generator=generator_at(0, moment.step))
        return {"loss": float(self.place)}

    def evaluate(self, step: int) -> dict[str, float]:
        return {"validation": 1.0}

    def setup(self) -> dict[str, Any]:
        return self.recipe

    def state(self) -> dict[str, Any]:
        return {"place": self.place}

    def load_state(self, state: dict[str, Any]) -> None:
        self.place = state["place"]


def walk(folder: Path, learner: Walker, steps: int = 20) -> int:
    with Reporter(folder, "walk") as reporter:
        return run_loop(
            learner,
            folder=folder,
            budget=Budget(steps=steps),
            schedule=Schedule(),
            config=LoopConfig(log_steps=5, evaluate_steps=10),
            reporter=reporter,
        )


def test_an_interrupted_run_goes_on_to_the_same_end(tmp_path: Path) -> None:
    whole = Walker()
    assert walk(tmp_path / "whole", whole) == 20
    with pytest.raises(KeyboardInterrupt):
        walk(tmp_path / "parts", Walker(stop_at=7))
    rest = Walker()
    assert walk(tmp_path / "parts", rest) == 20
    assert torch.equal(whole.place, rest.place)
    log = (tmp_path / "parts" / "log.txt").read_text()
    assert "interrupted after step 8" in log
    assert "after step 8" in log.splitlines()[-6]
    assert "validation 1" in log


def test_a_finished_run_does_no_more(tmp_path: Path) -> None:
    walk(tmp_path, Walker())
    again = Walker(stop_at=0)
    assert walk(tmp_path, again) == 20


def test_a_full_disk_under_tensorboard_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its thread fails beside us; what fails in other threads is still seen."""

    def full(self: RecordWriter, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    told: list[str] = []

    def hook(failed: threading.ExceptHookArgs) -> None:
        told.append(str(failed.exc_value))

    monkeypatch.setattr(threading, "excepthook", hook)
    with Reporter(tmp_path, "walk"):
        thread = threading.Thread(target=_fail)
        thread.start()
        thread.join()
    assert told == ["another's"]
    monkeypatch.setattr(RecordWriter, "write", full)
    with pytest.raises(OSError, match="No space left on device"):
        walk(tmp_path / "full", Walker())
    assert told == ["another's"]
    assert threading.excepthook is hook


def _fail() -> None:
    raise OSError("another's")


def test_a_full_disk_is_one_line_and_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / CHECKPOINT
    atomic.write_bytes(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ArmchairError, match=r"checkpoint\.pt: no space left on the disk"):
        atomic.write_bytes(path, b"new")
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"old"]


def test_a_damaged_checkpoint_is_one_line(tmp_path: Path) -> None:
    (tmp_path / CHECKPOINT).write_bytes(b"cut short")
    with pytest.raises(BadFileError, match="Delete it to start again"):
        walk(tmp_path, Walker())


def test_a_disk_or_memory_that_fails_says_nothing_against_a_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk(tmp_path, Walker(), steps=5)

    def fail(error: Exception) -> None:
        def failing(*_: object, **__: object) -> None:
            raise error

        monkeypatch.setattr(torch, "load", failing)

    fail(OSError(errno.EIO, "Input/output error"))
    with pytest.raises(BadFileError, match=r"cannot be read now \(Input/output error\)") as caught:
        walk(tmp_path, Walker(), steps=10)
    assert "Delete" not in str(caught.value)
    for error in (MemoryError(), torch.OutOfMemoryError("full")):
        fail(error)
        with pytest.raises(type(error)):
            walk(tmp_path, Walker(), steps=10)
    monkeypatch.undo()

    class Full(Walker):
        def load_state(self, state: dict[str, Any]) -> None:
            raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        walk(tmp_path, Full(), steps=10)


def test_a_signal_in_the_last_checkpoint_is_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = atomic.write_tensors

    def interrupted(path: Path, content: dict[str, Any]) -> None:
        plain(path, content)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(atomic, "write_tensors", interrupted)
    with pytest.raises(KeyboardInterrupt):
        walk(tmp_path, Walker(), steps=5)
    monkeypatch.undo()
    assert walk(tmp_path, Walker(), steps=5) == 5


class Exploding(Walker):
    """Its loss is a number to the last, when a step takes the weight away."""

    def update(self, moment: Moment) -> dict[str, float]:
        values = super().update(moment)
        if moment.step == 19:
            self.place = torch.tensor(torch.nan)
        return values


def test_weights_that_are_no_numbers_do_not_replace_the_last_checkpoint(tmp_path: Path) -> None:
    walk(tmp_path, Walker(), steps=10)
    before = (tmp_path / CHECKPOINT).read_bytes()
    with pytest.raises(ArmchairError, match=r"state\.place is not finite at step 20: .*checkpoint"):
        walk(tmp_path, Exploding(), steps=20)
    assert (tmp_path / CHECKPOINT).read_bytes() == before


def test_a_checkpoint_of_another_set_up_is_refused_and_says_why(tmp_path: Path) -> None:
    made: dict[str, Any] = {"recipe.batch": 4, "recipe.schedule.peak": 1e-3, "data": "3f2a"}
    walk(tmp_path, Walker(**made), steps=5)
    wrong = r"another set-up: recipe\.batch was 4, is 8; data was 3f2a, is 9\. Delete it"
    with pytest.raises(BadFileError, match=wrong):
        walk(tmp_path, Walker(**made | {"recipe.batch": 8, "data": 9}))
    slower = made | {"recipe.schedule.peak": 1e-4, "recipe.new_in_this_armchair": 1}
    assert walk(tmp_path, Walker(**slower), steps=10) == 10
    log = (tmp_path / "log.txt").read_text()
    assert "another learning rate: recipe.schedule.peak was 0.001, is 0.0001" in log


@pytest.mark.parametrize(
    "changes", [{"step": "x"}, {"step": None}, {"step": -1}, {"seconds": "x"}, {"setup": 3}]
)
def test_a_checkpoint_with_odd_entries_is_one_line(tmp_path: Path, changes: dict[str, Any]) -> None:
    learner = Walker(batch=4)
    walk(tmp_path, learner, steps=5)
    content = torch.load(tmp_path / CHECKPOINT, weights_only=True)
    torch.save(content | changes, tmp_path / CHECKPOINT)
    with pytest.raises(BadFileError, match=r"checkpoint\.pt: a checkpoint of another set-up"):
        walk(tmp_path, learner, steps=10)
    for name in changes.keys() - {"setup"}:
        torch.save({k: v for k, v in content.items() if k != name}, tmp_path / CHECKPOINT)
        with pytest.raises(BadFileError, match=rf"another set-up \('{name}'\)"):
            walk(tmp_path, learner, steps=10)


def test_an_older_checkpoint_goes_on_and_the_log_says_so(tmp_path: Path) -> None:
    walk(tmp_path, Walker(), steps=5)
    content = torch.load(tmp_path / CHECKPOINT, weights_only=True)
    del content["setup"]
    torch.save(content, tmp_path / CHECKPOINT)
    assert walk(tmp_path, Walker(**{"recipe.batch": 4}), steps=10) == 10
    assert "does not say of which recipe" in (tmp_path / "log.txt").read_text()

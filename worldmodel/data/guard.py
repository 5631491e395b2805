"""Dangerous work in a child process: damaged files have crashed and hung HDF5 and FFmpeg before.

Both parse whatever stands in a file, in C. `armchair inspect` opens folders of strangers through
this guard; what a child dies of becomes one line, and the next piece of work gets a new child.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Generic, TypeVar

from armchair.errors import ArmchairError

Given = TypeVar("Given")
Found = TypeVar("Found")


class ChildDiedError(ArmchairError):
    """The child was killed by what it read, or did not answer in time."""


class Guard(Generic[Given, Found]):
    """Calls `work` in a child process, which lives until it dies; a context manager.

    `work` is a function of a module (it is pickled by name). Raises ChildDiedError from a call
    after `timeout_s` seconds without an answer, and where the child dies; what `work` raises is
    raised here.
    """

    def __init__(self, work: Callable[[Given], Found], timeout_s: float) -> None:
        self._work, self.timeout_s = work, timeout_s
        self._child: Any = None
        self._pipe: Connection | None = None

    def __enter__(self) -> Guard[Given, Found]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def __call__(self, given: Given) -> Found:
        pipe = self._pipe or self._start()
        try:
            pipe.send(given)
            if not pipe.poll(self.timeout_s):
                self._stop()
                raise ChildDiedError(f"no answer within {self.timeout_s:g} s")
            worked, answer = pipe.recv()
        except (EOFError, OSError) as error:
            raise ChildDiedError(f"the library that read it crashed ({self._stop()})") from error
        if not worked:
            raise answer
        found: Found = answer
        return found

    def _start(self) -> Connection:
        context = multiprocessing.get_context("spawn")  # a fork would inherit others' threads
        self._pipe, theirs = context.Pipe()
        self._child = context.Process(target=_serve, args=(self._work, theirs), daemon=True)
        self._child.start()
        theirs.close()
        return self._pipe

    def _stop(self) -> str:
        """End the child and return what it died of."""
        if self._child is None:
            return ""
        self._child.join(0.2)  # a crash is on its way out by itself
        code = self._child.exitcode
        self._child.kill()
        self._child.join()
        if self._pipe is not None:
            self._pipe.close()
        self._child.close()
        self._child = self._pipe = None
        return signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"


def _serve(work: Callable[[Any], Any], pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    while True:
        try:
            given = pipe.recv()
        except EOFError:
            return
        try:
            answer = True, work(given)
        except Exception as error:
            answer = False, error
        pipe.send(answer)

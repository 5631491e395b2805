"""Where a run says how it goes: TensorBoard, a log file, and a bar or lines on the terminal."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch.utils.tensorboard.writer import SummaryWriter

BAR_UNITS = 1000
"""The bar counts thousandths of the run, so that it serves steps and minutes alike."""


class Reporter:
    """A context manager that writes metrics of one run into `folder`.

    On a terminal it draws a progress bar; elsewhere it prints the same lines that go to `log.txt`.
    """

    def __init__(self, folder: Path, title: str, *, silent: bool = False) -> None:
        """`silent`: neither write nor print, as all but one of a team do."""
        self.folder, self.title, self.silent = folder, title, silent
        self.interactive = sys.stderr.isatty() and not silent

    def __enter__(self) -> Reporter:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.silent:
            return self
        with ExitStack() as opened:
            self._log = opened.enter_context((self.folder / "log.txt").open("a", buffering=1))
            opened.enter_context(_told_once())
            self._board = SummaryWriter(str(self.folder / "tensorboard"))
            opened.callback(self._board.close)
            self._bar = Progress(
                TextColumn(self.title),
                BarColumn(),
                TextColumn("{task.percentage:.1f}%  {task.fields[line]}"),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                disable=not self.interactive,
                redirect_stdout=False,
            )
            opened.enter_context(self._bar)
            self._task = self._bar.add_task(self.title, total=BAR_UNITS, line="")
            self._opened = opened.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self.silent:
            self._opened.__exit__(kind, error, trace)

    def say(self, text: str) -> None:
        """Write one line to the log and to the terminal."""
        if self.silent:
            return
        self._log.write(text + "\n")
        self._log.flush()
        if self.interactive:
            self._bar.console.print(text, highlight=False)
        else:
            sys.stdout.write(text + "\n")
            sys.stdout.flush()

    def metrics(self, step: int, progress: float, values: dict[str, float]) -> None:
        """Record scalar values at a step; `progress` is the share of the run done, 0 … 1.

        Raises OSError where they cannot be written.
        """
        if self.silent or not values:
            return
        for name, value in values.items():
            self._board.add_scalar(name, value, step)
        self._board.flush()
        line = f"step {step}  " + "  ".join(f"{k} {v:.4g}" for k, v in values.items())
        self._bar.update(self._task, completed=progress * BAR_UNITS, line=line)
        if self.interactive:
            self._log.write(line + "\n")
        else:
            self.say(f"{100 * progress:5.1f}%  {line}")


@contextmanager
def _told_once() -> Iterator[None]:
    """Leave out what a thread of TensorBoard's fails with: its writer raises it once more."""
    hook = threading.excepthook

    def others(failed: threading.ExceptHookArgs) -> None:
        if not type(failed.thread).__module__.startswith("tensorboard."):
            hook(failed)

    threading.excepthook = others
    try:
        yield
    finally:
        threading.excepthook = hook

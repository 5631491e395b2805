"""Worker processes that never outlive their work: they end with their parent, however it ends."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection


@contextmanager
def spawned(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Spawned processes that end at once when the block fails or this process is killed."""
    context = get_context("spawn")
    lifeline, held = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(
        workers, mp_context=context, initializer=_end_with, initargs=(lifeline,)
    )
    try:
        yield pool
    except BaseException:
        held.close()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        held.close()
        lifeline.close()


def _end_with(lifeline: Connection) -> None:
    """End this worker when the other end of the pipe is closed; leave Ctrl-C to the parent.

    What it was making is lost: whole files must come by renaming, as the DROID writer does it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def wait() -> None:
        lifeline.poll(None)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()

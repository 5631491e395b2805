"""The guard: what the child returns, raises, dies of, or never answers."""

from __future__ import annotations

import os
import signal
import time

import pytest

from armchair.errors import BadValueError
from armchair.worldmodel.data.guard import ChildDiedError, Guard


def work(command: str) -> str:
    """Do what a damaged file may do to its reader."""
    if command == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if command == "hang":
        time.sleep(60)
    if command == "raise":
        raise BadValueError("wrong unit")
    return f"{command} by {os.getpid()}"


def test_a_child_does_the_work_and_is_replaced_when_it_dies() -> None:
    with Guard(work, timeout_s=20) as guard:
        first = guard("read")
        assert first == guard("read")
        assert str(os.getpid()) not in first
        with pytest.raises(BadValueError, match="wrong unit"):
            guard("raise")
        assert guard("read") == first
        with pytest.raises(ChildDiedError, match=r"crashed \(SIGSEGV\)"):
            guard("crash")
        assert guard("read") != first
        guard.timeout_s = 0.2
        with pytest.raises(ChildDiedError, match=r"no answer within 0\.2 s"):
            guard("hang")

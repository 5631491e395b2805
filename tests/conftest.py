"""For all tests: the same examples on every run, and no stopwatch on a busy machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from hypothesis import settings

settings.register_profile("armchair", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("armchair")


@pytest.fixture(autouse=True)
def same_threads() -> Iterator[None]:
    """Sums depend on the number of threads, and a resumed run is compared bit for bit."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)

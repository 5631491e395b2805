"""For all tests: the same examples on every run, and no stopwatch on a busy machine."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("armchair", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("armchair")

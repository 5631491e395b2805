"""A share of the list of episodes, for several machines: `--shard i/n`."""

from __future__ import annotations

from dataclasses import dataclass

from armchair.errors import BadValueError


@dataclass(frozen=True)
class Shard:
    """Every `count`-th episode from number `index` on, counted from 1.

    More episodes later leave each shard's former ones where they were.
    """

    index: int = 1
    count: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.index <= self.count:
            raise BadValueError(f"shard {self.index}/{self.count}: give i/n with i from 1 to n.")

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Return the shard that `i/n` names; raises `BadValueError` for anything else."""
        index, slash, count = text.partition("/")
        if not (slash and index.isdecimal() and count.isdecimal()):
            raise BadValueError(f"shard {text!r}: give i/n with i from 1 to n, 2/4 say.")
        return cls(int(index), int(count))

    def of(self, episodes: int) -> range:
        """Return the indices of this shard among so many episodes."""
        return range(self.index - 1, episodes, self.count)

"""The project's one registry idiom: a decorator; duplicates raise, unknown names list the known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from armchair.errors import UnknownNameError

T = TypeVar("T")


class Registry(Generic[T]):
    """Names to things of one kind.

    >>> colours: Registry[int] = Registry("colour")
    >>> _ = colours.add("red")(0xFF0000)
    >>> colours["red"]
    16711680
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._items: dict[str, T] = {}

    def add(self, name: str) -> Callable[[T], T]:
        """Return a decorator that registers its argument; raises ValueError if `name` is taken."""

        def register(item: T) -> T:
            if name in self._items:
                raise ValueError(f"{self.kind} {name!r} is registered already")
            self._items[name] = item
            return item

        return register

    def __getitem__(self, name: str) -> T:
        """Return the item; raises `UnknownNameError` with the nearest match."""
        if name not in self._items:
            raise UnknownNameError(self.kind, name, self._items)
        return self._items[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._items))

    def __contains__(self, name: object) -> bool:
        return name in self._items

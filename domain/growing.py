"""A set that only grows, shared between versions of a fold: adding copies O(log n) elements, not all.

Frozen states need it where an aggregate remembers many names (the recipes of a long upload session).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True, slots=True)
class GrowingSet(Generic[T]):
    """Levels of frozen sets, each less than half as large as the one before (a log-structured merge)."""

    levels: tuple[frozenset[T], ...] = ()

    def __contains__(self, item: T) -> bool:
        return any(item in level for level in self.levels)

    def __len__(self) -> int:
        return sum(map(len, self.levels))

    def __iter__(self) -> Iterator[T]:
        for level in self.levels:
            yield from level

    def with_item(self, item: T) -> GrowingSet[T]:
        if item in self:
            return self
        levels, newest = list(self.levels), frozenset((item,))
        while levels and len(levels[-1]) < 2 * len(newest):
            newest |= levels.pop()
        return GrowingSet((*levels, newest))

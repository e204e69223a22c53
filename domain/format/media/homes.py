"""Whether samples lie where samples may: in the media data, not in the tables that tell of them (seed S4.1).

Promises: one look at each chunk of samples, whatever a file claims. A chunk that begins outside counts whole.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from operator import add

from .movie import Box, Samples
from .tables import chunk_sizes, count_inside

STRUCTURE = frozenset(
    {"ftyp", "styp", "moov", "moof", "sidx", "ssix", "mfra", "udta", "pdin", "prft", "emsg"}
)
"""Boxes that say something themselves, so that no sample can lie in them."""


@dataclass(frozen=True, slots=True)
class Homes:
    """Stretches of the file, in its order."""

    starts: tuple[int, ...]
    ends: tuple[int, ...]

    @classmethod
    def of(cls, boxes: Iterable[Box]) -> Homes:
        held = tuple(box for box in boxes if box.end > box.content_offset)
        return cls(tuple(box.content_offset for box in held), tuple(box.end for box in held))

    def room(self, offset: int) -> int:
        """Bytes from there to the end of the stretch that it is in; 0 if it is in none."""
        number = bisect_right(self.starts, offset) - 1
        return max(self.ends[number] - offset, 0) if number >= 0 else 0

    def count_outside(self, samples: Samples) -> int:
        """How many samples lie in none of them, wholly or in part."""
        spans = chunk_sizes(samples)
        if len(self.starts) == 1 and self._is_around(samples, spans):
            return 0
        first, lost = 0, 0
        for offset, count, span in zip(samples.chunk_offsets, samples.chunk_counts, spans, strict=True):
            room = self.room(offset) if span else 0
            if span > room:
                lost += count - count_inside(samples, first, count, room)
            first += count
        return lost

    def _is_around(self, samples: Samples, spans: array[int]) -> bool:
        first = min(samples.chunk_offsets, default=self.starts[0])
        return (
            first >= self.starts[0] and max(map(add, samples.chunk_offsets, spans), default=0) <= self.ends[0]
        )

"""Where a sample lies in the file.

Promises: time grows with the number of chunks before the sample, never with the number of samples asked for;
no memory. For the first few samples of a track; whoever needs all of them walks the columns once.
"""

from __future__ import annotations

from dataclasses import dataclass

from .movie import Samples


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of the file."""

    offset: int
    size_bytes: int


def place_of(samples: Samples, index: int) -> Place | None:
    """None if the tables have no such sample."""
    if not 0 <= index < samples.count:
        return None
    first = 0
    for offset, count in zip(samples.chunk_offsets, samples.chunk_counts, strict=False):
        if index < first + count:
            return _within(samples, offset, first, index)
        first += count
    return None


def _within(samples: Samples, offset: int, first: int, index: int) -> Place | None:
    if not samples.sizes:
        return Place(offset + (index - first) * samples.uniform_bytes, samples.uniform_bytes)
    if index >= len(samples.sizes):
        return None
    return Place(offset + sum(samples.sizes[first:index]), samples.sizes[index])

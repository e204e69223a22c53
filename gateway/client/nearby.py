"""Chunks that this disk has already, in a file that an earlier checkout wrote.

Promises: a chunk from here is hashed like one from the server; a file that was written to since gives
nothing wrong, it gives nothing. Chunks of interleaved tracks are put together from where their parts lie;
those of a packed file do not lie in it.
"""

from __future__ import annotations

import os
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path

from .format.digest import Digest, digest_of
from .format.recipe import Recipe

CHUNKS_MAX = 262_144
"""Of one file: about 40 MiB of memory for 80 GiB of film. A larger file is fetched anew."""
PARTS_MAX = 4_096
"""Of one chunk: beyond that many reads the server is quicker."""


class Nearby:
    """One file, open until `close`. Safe for threads."""

    def __init__(self, file: Path, recipe: Recipe) -> None:
        self._handle = os.open(file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
        is_small = sum(map(len, recipe.streams)) <= CHUNKS_MAX
        is_of_use = hasattr(os, "pread") and is_small and recipe.packing is None
        self._places = _places(recipe) if is_of_use else {}
        self._courses = _courses(recipe) if is_of_use else []

    def chunk(self, digest: Digest) -> memoryview | None:
        """None if the file does not hold it (any more)."""
        place = self._places.get(digest)
        if place is None:
            return None
        stream, start, size_bytes = place
        parts = list(self._courses[stream].parts(start, size_bytes))
        if len(parts) > PARTS_MAX:
            return None
        content = b"".join(os.pread(self._handle, part_bytes, offset) for offset, part_bytes in parts)
        return memoryview(content) if digest_of(content) == digest else None

    def close(self) -> None:
        os.close(self._handle)


class _Course:
    """Where the bytes of one stream lie in the file, run by run."""

    def __init__(self) -> None:
        self._starts = array("Q")
        """In the stream."""
        self._offsets = array("Q")
        """In the file."""
        self._end = 0

    def add(self, offset: int, size_bytes: int) -> None:
        self._starts.append(self._end)
        self._offsets.append(offset)
        self._end += size_bytes

    def parts(self, start: int, size_bytes: int) -> Iterator[tuple[int, int]]:
        """(offset in the file, size) of a part of the stream."""
        stop, index = start + size_bytes, bisect_right(self._starts, start) - 1
        while start < stop:
            run_end = self._starts[index + 1] if index + 1 < len(self._starts) else self._end
            part_bytes = min(stop, run_end) - start
            yield self._offsets[index] + start - self._starts[index], part_bytes
            start, index = start + part_bytes, index + 1


def _places(recipe: Recipe) -> dict[Digest, tuple[int, int, int]]:
    """(stream, where in it, size) of each chunk."""
    places: dict[Digest, tuple[int, int, int]] = {}
    for number, stream in enumerate(recipe.streams):
        start = 0
        for chunk in stream.chunks:
            places.setdefault(chunk.digest, (number, start, chunk.size_bytes))
            start += chunk.size_bytes
    return places


def _courses(recipe: Recipe) -> list[_Course]:
    courses, offset = [_Course() for _ in recipe.streams], 0
    for run in recipe.runs:
        courses[run.stream].add(offset, run.size_bytes)
        offset += run.size_bytes
    return courses

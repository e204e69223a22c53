"""Cutting a media file by its tracks: one pass over the file, every stream cut on its way.

Promises: the same chunks wherever it runs; memory is flat, a largest chunk or an arena of four
a stream; a chunk is given as soon as it is known, and what rebuilds the file is known at its end.

Pictures are cut at sync samples, since that is where editors cut, join and trim: `docs/formats.md` has the
rule. Sound is cut by FastCDC wherever its bytes say so: an edit costs the two chunks it falls into either
way, cuts at the borders of sound samples would not save one of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..chunking import KIB, MIB, VIDEO, Cutter, Profile
from ..digest import digest_of
from ..errors import FormatError
from ..recipe import Recipe
from .layout import Course, Layout, layout_of
from .movie import Movie
from .reading import read_movie
from .source import Source
from .units import GROUP_BYTES, Units

BLOCK_BYTES = 1 * MIB
"""Read at once."""
CHUNK_BYTES_MIN = 64 * KIB
"""Of a chunk that a digest ends: so pictures of nothing but black are not a chunk each."""
PROBE_BYTES = 4 * KIB
"""Looked at in the middle of a unit, where it is neither heading nor padding."""
NO_UNIT = (0, 1)


@dataclass(frozen=True, slots=True)
class StreamChunk:
    stream: int
    content: memoryview
    """Read-only, and valid for as long as it is kept."""


class StreamCutter(Protocol):
    """Cuts one stream. Callers may rely on: how the bytes arrive does not move a cut."""

    def feed(self, block: memoryview) -> list[memoryview]:
        """Take in a copy of the block and return the chunks that are final."""
        ...

    def finish(self) -> list[memoryview]: ...


class PictureCutter:
    """Cuts a picture track between units, so that no cut depends on what was removed or inserted elsewhere.

    A chunk ends where the next one must begin, where the next unit would make it too large, and behind a unit
    whose digest says so. A unit above VIDEO.max_bytes is one picture, and cut into equal parts.
    """

    def __init__(self, units: Units) -> None:
        self._units = zip(units.sizes, units.begins, strict=True)
        self._unit_bytes, _ = next(self._units, NO_UNIT)
        self._left_bytes = self._unit_bytes
        self._room = bytearray(VIDEO.max_bytes)
        self._held_bytes = 0

    def feed(self, block: memoryview) -> list[memoryview]:
        rest, chunks = block, list[memoryview]()
        while rest:
            assert self._left_bytes, "the units add up to the stream"
            part = rest[: min(self._left_bytes, VIDEO.max_bytes - self._held_bytes)]
            self._room[self._held_bytes : self._held_bytes + len(part)] = part
            self._held_bytes += len(part)
            self._left_bytes -= len(part)
            rest = rest[len(part) :]
            if not self._left_bytes:
                chunks += self._end_unit()
            elif self._held_bytes == VIDEO.max_bytes:
                chunks += self._end_chunk()
        return chunks

    def finish(self) -> list[memoryview]:
        return self._end_chunk()

    def _end_unit(self) -> list[memoryview]:
        ended_bytes = self._unit_bytes
        self._unit_bytes, begins = next(self._units, NO_UNIT)
        self._left_bytes = self._unit_bytes
        is_full = self._held_bytes + self._unit_bytes > VIDEO.max_bytes
        return self._end_chunk() if begins or is_full or self._ends_with(ended_bytes) else []

    def _ends_with(self, unit_bytes: int) -> bool:
        """The longer the unit the likelier: once every GROUP_BYTES, however long units are."""
        if unit_bytes >= GROUP_BYTES or self._held_bytes < CHUNK_BYTES_MIN:
            return unit_bytes >= GROUP_BYTES
        middle = self._held_bytes - (unit_bytes + 1) // 2
        probe = self._room[middle : min(middle + PROBE_BYTES, self._held_bytes)]
        return int.from_bytes(digest_of(probe)[:8], "big") * GROUP_BYTES < unit_bytes << 64

    def _end_chunk(self) -> list[memoryview]:
        """A copy of its own size: a reader may keep many, and a buffer that grows leaves holes in memory."""
        held_bytes, self._held_bytes = self._held_bytes, 0
        return [memoryview(bytes(memoryview(self._room)[:held_bytes]))] if held_bytes else []


class MediaCutter:
    """Cuts one file. For one thread, once."""

    def __init__(self, source: Source, movie: Movie, layout: Layout) -> None:
        self.movie = movie
        self.layout = layout
        self._source = source

    @property
    def profiles(self) -> tuple[Profile, ...]:
        """Of the streams."""
        return tuple(course.profile for course in self.layout.courses)

    def groups(self) -> Iterator[list[StreamChunk]]:
        """Chunks as they are known, in each stream's order. Raises what the source raises, and FormatError
        if the source ends before its size."""
        cutters = [_cutter(course) for course in self.layout.courses]
        group, size_bytes = list[StreamChunk](), 0
        for stream, part in self._parts():
            for chunk in cutters[stream].feed(part):
                group.append(StreamChunk(stream, chunk))
                size_bytes += len(chunk)
            if size_bytes >= BLOCK_BYTES:
                yield group
                group, size_bytes = [], 0
        for stream, cutter in enumerate(cutters):
            group += [StreamChunk(stream, chunk) for chunk in cutter.finish()]
        yield group

    def recipe(self, rows: Sequence[bytes | bytearray]) -> Recipe:
        """From the rows of all chunks, by stream. Raises FormatError if a limit is passed."""
        return self.layout.recipe(rows)

    def _parts(self) -> Iterator[tuple[int, memoryview]]:
        """The file from its start to its end, and the stream that each part belongs to."""
        block, first, at = memoryview(b""), 0, 0
        for stream, size_bytes in zip(self.layout.owners, self.layout.sizes, strict=True):
            end = at + size_bytes
            while at < end:
                if at == first + len(block):
                    block, first = self._block(at), at
                part = block[at - first : end - first]
                at += len(part)
                yield stream, part

    def _block(self, offset: int) -> memoryview:
        block = self._source.read(offset, min(BLOCK_BYTES, self._source.size_bytes - offset))
        if not block:
            raise FormatError(reason=f"the content ends at byte {offset}")
        return memoryview(block)


def cut_file(source: Source) -> MediaCutter | None:
    """None: not media, or not to be cut by tracks; it is stored opaque then. Raises what the source does."""
    try:
        movie = read_movie(source)
    except FormatError:
        return None
    layout = layout_of(movie, source.size_bytes) if movie is not None else None
    return MediaCutter(source, movie, layout) if movie is not None and layout is not None else None


def _cutter(course: Course) -> StreamCutter:
    return Cutter(course.profile) if course.units is None else PictureCutter(course.units)

"""How much of a file on this disk is what a recipe rebuilds: every chunk hashed, in one pass over the file.

Promises: memory is flat, a hash for each chunk that is begun; of a file that was written to half, all is
kept that whole chunks vouch for. Tracks are interleaved, and the first chunk of the skeleton may end with the
file, so what a chunk without its end leaves open is told as holes, to be written again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from typing import BinaryIO

from blake3 import blake3

from .format.digest import Digest
from .format.packing.packing import Packing
from .format.recipe import Piece, Recipe

BLOCK_BYTES = 1024 * 1024
"""Read at once; the pieces of interleaved tracks are much smaller."""
GIVE_BACK_BYTES = 8 * 1024 * 1024
"""Of page cache at a time (house: Bytes)."""


@dataclass(frozen=True, slots=True)
class Place:
    """A piece of a chunk and where it lies in the file."""

    offset: int
    piece: Piece


@dataclass(frozen=True, slots=True)
class Kept:
    """A file is right up to `end`, but for the holes."""

    end: int
    holes: tuple[Place, ...] = ()
    """In the file's order."""

    @property
    def size_bytes(self) -> int:
        return self.end - sum(hole.piece.size_bytes for hole in self.holes)


def verified_bytes(file: BinaryIO, recipe: Recipe) -> int:
    """How many bytes from its start on the file holds of what the recipe rebuilds, without a hole."""
    kept = kept_of(file, recipe)
    return kept.holes[0].offset if kept.holes else kept.end


def kept_of(file: BinaryIO, recipe: Recipe) -> Kept:
    """Stops at the first byte that is not there and at the first chunk that is wrong; a packed file is kept
    as a whole or not at all."""
    if recipe.packing is not None:
        return Kept(recipe.size_bytes if _is_packed(file, recipe.packing) else 0)
    sizes = {chunk.digest: chunk.size_bytes for stream in recipe.streams for chunk in stream.chunks}
    reader, unfinished = _Reader(file), _Unfinished()
    for piece in recipe.pieces(0, recipe.size_bytes):
        place = Place(reader.at, piece)
        begun = unfinished.take(piece) if piece.offset else _Begun()
        is_there = reader.feed(begun.hasher, piece.size_bytes)
        is_last = piece.offset + piece.size_bytes == sizes[piece.digest]
        if not is_there or (is_last and begun.hasher.digest() != piece.digest):
            holes = (*begun.places, *unfinished.places())
            return Kept(place.offset, tuple(sorted(holes, key=attrgetter("offset"))))
        if not is_last:
            begun.places.append(place)
            unfinished.put(piece, begun)
    return Kept(recipe.size_bytes)


def blocks_of(file: BinaryIO) -> Iterator[bytes]:
    """All of it."""
    file.seek(0)
    while block := read_exactly(file, BLOCK_BYTES):
        yield block


def _is_packed(file: BinaryIO, packing: Packing) -> bool:
    hasher, size_bytes = blake3(), 0
    for block in blocks_of(file):
        hasher.update(block)
        size_bytes += len(block)
        if size_bytes > packing.size_bytes:
            return False
    return hasher.digest() == packing.digest


def give_back(file: BinaryIO, position: int, count: int) -> None:
    """Let go of the page cache behind `position`, once every `GIVE_BACK_BYTES`."""
    before = (position - count) // GIVE_BACK_BYTES
    if position // GIVE_BACK_BYTES != before and hasattr(os, "posix_fadvise"):
        start = before * GIVE_BACK_BYTES
        os.posix_fadvise(file.fileno(), start, position - start, os.POSIX_FADV_DONTNEED)


def read_exactly(file: BinaryIO, size_bytes: int) -> bytes:
    """Fewer only at the end of the file."""
    content = file.read(size_bytes)
    while 0 < len(content) < size_bytes and (more := file.read(size_bytes - len(content))):
        content += more
    return content


@dataclass(slots=True)
class _Begun:
    """A chunk of which some pieces were seen, but not the last one."""

    hasher: blake3 = field(default_factory=blake3)
    places: list[Place] = field(default_factory=list[Place])


class _Unfinished:
    """Chunks that go on later. Streams may be in the same chunk at once: whichever goes on takes its hash."""

    def __init__(self) -> None:
        self._begun: dict[tuple[Digest, int], list[_Begun]] = {}

    def take(self, piece: Piece) -> _Begun:
        """Of a chunk that was seen up to this piece."""
        key = (piece.digest, piece.offset)
        begun = self._begun[key].pop()
        if not self._begun[key]:
            del self._begun[key]
        return begun

    def put(self, piece: Piece, begun: _Begun) -> None:
        key = (piece.digest, piece.offset + piece.size_bytes)
        self._begun.setdefault(key, []).append(begun)

    def places(self) -> Iterator[Place]:
        return (place for each in self._begun.values() for begun in each for place in begun.places)


class _Reader:
    """A file from its start, in blocks that are handed out in parts."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._file.seek(0)
        self._block = memoryview(b"")
        self._read_bytes = 0

    @property
    def at(self) -> int:
        return self._read_bytes - len(self._block)

    def feed(self, hasher: blake3, size_bytes: int) -> bool:
        """The next so many bytes; false if the file ends before."""
        while size_bytes:
            if not self._block:
                self._next()
            part, self._block = self._block[:size_bytes], self._block[size_bytes:]
            if not part:
                return False
            hasher.update(part)
            size_bytes -= len(part)
        return True

    def _next(self) -> None:
        content = read_exactly(self._file, BLOCK_BYTES)
        self._read_bytes += len(content)
        if content:
            give_back(self._file, self._read_bytes, len(content))
        self._block = memoryview(content)

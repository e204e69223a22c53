"""How much of a file on this disk is what a recipe rebuilds: every chunk hashed, in one pass over the file.

Promises: memory is flat, a hash and its beginning for each stream; a file of many interleaved streams is
kept up to the first byte that is not vouched for by a whole chunk.
"""

from __future__ import annotations

import os
from collections import deque
from dataclasses import dataclass, field
from typing import BinaryIO

from blake3 import blake3

from .format.digest import Digest
from .format.recipe import Piece, Recipe

BLOCK_BYTES = 1024 * 1024
"""Read at once; the pieces of interleaved tracks are much smaller."""
GIVE_BACK_BYTES = 8 * 1024 * 1024
"""Of page cache at a time (house: Bytes)."""


def verified_bytes(file: BinaryIO, recipe: Recipe) -> int:
    """How many bytes from its start on the file holds of what the recipe rebuilds.

    Behind that point lies nothing, something else, or part of a chunk whose rest is not there.
    """
    sizes = {chunk.digest: chunk.size_bytes for stream in recipe.streams for chunk in stream.chunks}
    reader, unfinished = _Reader(file), _Unfinished()
    for piece in recipe.pieces(0, recipe.size_bytes):
        begun = unfinished.take(piece) if piece.offset else _Begun(reader.at)
        left_bytes = piece.size_bytes
        while left_bytes and (content := reader.read(left_bytes)):
            begun.hasher.update(content)
            left_bytes -= len(content)
        is_last = piece.offset + piece.size_bytes == sizes[piece.digest]
        if left_bytes or (is_last and begun.hasher.digest() != piece.digest):
            return min(begun.at, unfinished.first(default=begun.at))
        if not is_last:
            unfinished.put(piece, begun)
    return recipe.size_bytes


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
    """A chunk of which some bytes were seen, and where its first byte lies in the file."""

    at: int
    hasher: blake3 = field(default_factory=blake3)


class _Unfinished:
    """Chunks that go on later. Streams may be in the same chunk at once: whichever goes on takes its hash."""

    def __init__(self) -> None:
        self._begun: dict[tuple[Digest, int], deque[_Begun]] = {}

    def take(self, piece: Piece) -> _Begun:
        queue = self._begun[piece.digest, piece.offset]
        begun = queue.popleft()
        if not queue:
            del self._begun[piece.digest, piece.offset]
        return begun

    def put(self, piece: Piece, begun: _Begun) -> None:
        key = (piece.digest, piece.offset + piece.size_bytes)
        self._begun.setdefault(key, deque()).append(begun)

    def first(self, default: int) -> int:
        return min((begun.at for queue in self._begun.values() for begun in queue), default=default)


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

    def read(self, size_bytes: int) -> memoryview:
        """At most so many bytes; none at the end of the file."""
        if not self._block:
            content = read_exactly(self._file, BLOCK_BYTES)
            self._read_bytes += len(content)
            if content:
                give_back(self._file, self._read_bytes, len(content))
            self._block = memoryview(content)
        part, self._block = self._block[:size_bytes], self._block[size_bytes:]
        return part

"""Where the bytes of a file are read from, wherever they lie: a file, a buffer, or chunks in a store."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from ..digest import Digest
from ..recipe import Recipe

CHUNKS_HELD_MAX = 8
"""Of a file in a store: a reader goes on where it was, in a few tracks at once; at most 32 MiB."""


class Source(Protocol):
    """One content that does not change. Callers may rely on: reading twice gives the same bytes."""

    @property
    def size_bytes(self) -> int: ...

    def read(self, offset: int, size_bytes: int) -> bytes:
        """The bytes ``offset <= i < offset + size_bytes``, fewer only where the content ends before."""
        ...


@dataclass(frozen=True, slots=True)
class BytesSource:
    """A content in memory."""

    content: bytes

    @property
    def size_bytes(self) -> int:
        return len(self.content)

    def read(self, offset: int, size_bytes: int) -> bytes:
        return self.content[offset : offset + size_bytes]


@dataclass(slots=True)
class RecipeSource:
    """A file as its recipe rebuilds it. For one thread."""

    recipe: Recipe
    chunk: Callable[[Digest], bytes]
    """Verified bytes of a chunk, by name; raises what it likes."""
    _held: OrderedDict[Digest, bytes] = field(default_factory=OrderedDict[Digest, bytes])

    @property
    def size_bytes(self) -> int:
        return self.recipe.size_bytes

    def read(self, offset: int, size_bytes: int) -> bytes:
        stop = min(offset + size_bytes, self.size_bytes)
        if stop <= offset:
            return b""
        pieces = self.recipe.pieces(offset, stop)
        return b"".join(
            self._chunk(piece.digest)[piece.offset : piece.offset + piece.size_bytes] for piece in pieces
        )

    def _chunk(self, name: Digest) -> bytes:
        content = self._held.get(name)
        if content is None:
            content = self._held[name] = self.chunk(name)
            if len(self._held) > CHUNKS_HELD_MAX:
                self._held.popitem(last=False)
        else:
            self._held.move_to_end(name)
        return content

"""A file as its recipe rebuilds it, read at any place."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from .digest import Digest
from .packing.repacking import packed
from .recipe import Recipe

CHUNKS_HELD_MAX = 8
"""Of a file in a store: a reader goes on where it was, in a few tracks at once; at most 32 MiB."""
BLOCK_BYTES = 1024 * 1024
"""Of unpacked bytes at a time."""


@dataclass
class RecipeSource:
    """A file in chunks. A packed one is held in memory once it is read (PACKED_BYTES_MAX). For one thread."""

    recipe: Recipe
    chunk: Callable[[Digest], bytes]
    """Verified bytes of a chunk, by name; raises what it likes."""
    _held: OrderedDict[Digest, bytes] = field(default_factory=OrderedDict[Digest, bytes])

    @property
    def size_bytes(self) -> int:
        return self.recipe.size_bytes

    def read(self, offset: int, size_bytes: int) -> bytes:
        """Raises what `chunk` does, and FormatError if the file is packed and cannot be packed again."""
        if self.recipe.packing is not None:
            return self._packed[offset : offset + size_bytes]
        stop = min(offset + size_bytes, self.size_bytes)
        if stop <= offset:
            return b""
        pieces = self.recipe.pieces(offset, stop)
        return b"".join(
            self._chunk(piece.digest)[piece.offset : piece.offset + piece.size_bytes] for piece in pieces
        )

    @cached_property
    def _packed(self) -> bytes:
        assert self.recipe.packing is not None
        return b"".join(packed(self._blocks, self.recipe.packing))

    def _blocks(self) -> Iterator[bytes]:
        unpacked = RecipeSource(self.recipe.unpacked, self.chunk)
        for offset in range(0, unpacked.size_bytes, BLOCK_BYTES):
            yield unpacked.read(offset, BLOCK_BYTES)

    def _chunk(self, name: Digest) -> bytes:
        content = self._held.get(name)
        if content is None:
            content = self._held[name] = self.chunk(name)
            if len(self._held) > CHUNKS_HELD_MAX:
                self._held.popitem(last=False)
        else:
            self._held.move_to_end(name)
        return content

"""Chunks that this disk has already, in a file that an earlier checkout wrote.

Promises: a chunk from here is hashed like one from the server; a file that was written to since gives
nothing wrong, it gives nothing.
"""

from __future__ import annotations

import os
from pathlib import Path

from .format.digest import Digest, digest_of
from .format.recipe import Recipe

CHUNKS_MAX = 262_144
"""Of one file: about 40 MiB of memory for 80 GiB of film. A larger file is fetched anew."""


class Nearby:
    """One file, open until `close`. Safe for threads."""

    def __init__(self, file: Path, recipe: Recipe) -> None:
        self._handle = os.open(file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
        self._places: dict[Digest, tuple[int, int]] = {}
        offset = 0
        for chunk in recipe.streams[0].chunks if _is_plain(recipe) else ():
            self._places.setdefault(chunk.digest, (offset, chunk.size_bytes))
            offset += chunk.size_bytes

    def chunk(self, digest: Digest) -> memoryview | None:
        """None if the file does not hold it (any more)."""
        place = self._places.get(digest)
        if place is None:
            return None
        offset, size_bytes = place
        content = os.pread(self._handle, size_bytes, offset)
        return memoryview(content) if digest_of(content) == digest else None

    def close(self) -> None:
        os.close(self._handle)


def _is_plain(recipe: Recipe) -> bool:
    """Its chunks lie in the file one after the other."""
    return hasattr(os, "pread") and len(recipe.runs) == 1 and len(recipe.streams[0]) <= CHUNKS_MAX

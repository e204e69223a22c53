"""Looks at a source through a window: many small reads cost few large ones."""

from __future__ import annotations

from collections.abc import Iterator

from domain.format.media.source import Source

PIECE_BYTES = 256 * 1024


def pieces_of(source: Source, start: int = 0) -> Iterator[bytes]:
    """The whole content from here on, piece by piece."""
    offset = start
    while piece := source.read(offset, PIECE_BYTES):
        yield piece
        offset += len(piece)


class Window:
    """Reads forward mostly; holds one piece."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._offset = 0
        self._held = b""

    def read(self, offset: int, size_bytes: int) -> bytes:
        """As a source's; at most a piece."""
        assert size_bytes <= PIECE_BYTES
        start = offset - self._offset
        if start < 0 or start + size_bytes > len(self._held):
            self._offset, self._held = offset, self._source.read(offset, PIECE_BYTES)
            start = 0
        return self._held[start : start + size_bytes]

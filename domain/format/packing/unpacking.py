"""Unpacks deflate and gzip piece by piece, and refuses what would grow without end.

Promises: no more than a piece in memory; time linear in what is read and what comes out; more than the
budget allows is FormatError, and so is everything that is damaged (S4.5: bounded decompression).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..codec import require
from ..errors import FormatError
from ..media.source import Source
from .packing import (
    GZIP_HEADER_BYTES_MAX,
    GZIP_MAGIC,
    GZIP_TRAILER_BYTES,
    UNPACKED_BYTES_MAX,
    gzip_trailer,
)

FEED_BYTES = 64 * 1024
PIECE_BYTES = 256 * 1024
"""What is unpacked at once."""
RATIO_MAX = 200
"""Project XML packs 8 to 30 times; deflate reaches 1032."""
RATIO_FREE_BYTES = 16 * 1024 * 1024
"""Up to here any ratio is taken: a small file of nothing but zeros does no harm."""

_FHCRC, _FEXTRA, _FNAME, _FCOMMENT, _RESERVED = 2, 4, 8, 16, 0xE0


@dataclass(slots=True)
class Budget:
    """How much one file may unpack to, over all its members."""

    packed_bytes: int = 0
    unpacked_bytes: int = 0

    def feed(self, size_bytes: int) -> None:
        self.packed_bytes += size_bytes

    def spend(self, size_bytes: int) -> None:
        """Raises FormatError once it is too much."""
        self.unpacked_bytes += size_bytes
        require(self.unpacked_bytes <= UNPACKED_BYTES_MAX, f"it unpacks to over {UNPACKED_BYTES_MAX} bytes")
        is_small = self.unpacked_bytes <= RATIO_FREE_BYTES
        require(
            is_small or self.unpacked_bytes <= RATIO_MAX * self.packed_bytes,
            f"it unpacks to over {RATIO_MAX} times its size",
        )


class Inflation:
    """The pieces of one raw deflate stream (RFC 1951), by iterating once.

    What came out is counted as it goes. Raises FormatError while iterating.
    """

    def __init__(self, source: Source, start: int, stop: int, budget: Budget) -> None:
        self._source, self._start, self._stop, self._budget = source, start, stop, budget
        self.end = start
        """Where the stream ended, once it did."""
        self.unpacked_bytes = 0
        self.crc = 0

    def __iter__(self) -> Iterator[bytes]:
        engine = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        offset, rest, piece = self._start, b"", b""
        while not engine.eof:
            if not rest and len(piece) < PIECE_BYTES:
                rest = self._read(offset)
                offset += len(rest)
            piece = _inflated(engine.decompress, rest)
            rest = engine.unconsumed_tail
            if piece:
                self._count(piece)
                yield piece
        self.end = offset - len(engine.unused_data)

    def _read(self, offset: int) -> bytes:
        packed = self._source.read(offset, min(FEED_BYTES, self._stop - offset))
        require(len(packed) > 0, "it ends in the middle of a packed stream")
        self._budget.feed(len(packed))
        return packed

    def _count(self, piece: bytes) -> None:
        self._budget.spend(len(piece))
        self.unpacked_bytes += len(piece)
        self.crc = zlib.crc32(piece, self.crc)


def gunzip(source: Source, budget: Budget) -> Iterator[bytes]:
    """The pieces of a file that is one gzip member (RFC 1952), checked at its end. Raises FormatError."""
    inflation = Inflation(source, gzip_header_bytes(source), source.size_bytes, budget)
    yield from inflation
    trailer = source.read(inflation.end, GZIP_TRAILER_BYTES)
    require(trailer == gzip_trailer(inflation.crc, inflation.unpacked_bytes), "its check sum does not fit")
    require(inflation.end + GZIP_TRAILER_BYTES == source.size_bytes, "bytes follow the packed stream")


def gzip_header_bytes(source: Source) -> int:
    """How long the header of a gzip member is. Raises FormatError."""
    head = source.read(0, GZIP_HEADER_BYTES_MAX)
    require(len(head) >= 10 and head.startswith(GZIP_MAGIC) and not head[3] & _RESERVED, "it is not gzip")
    flags, offset = head[3], 10
    if flags & _FEXTRA:
        offset += 2 + int.from_bytes(head[10:12], "little")
    for flag in (_FNAME, _FCOMMENT):
        if flags & flag:
            end = head.find(b"\0", offset)
            require(end >= 0, "its gzip header has no end")
            offset = end + 1
    offset += 2 if flags & _FHCRC else 0
    require(offset <= len(head), "its gzip header has no end")
    return offset


def _inflated(decompress: Callable[[bytes, int], bytes], packed: bytes) -> bytes:
    try:
        return decompress(packed, PIECE_BYTES)
    except zlib.error as error:
        raise FormatError(reason="a packed stream is damaged") from error

"""Finds out how a gzip'd project was packed, and packs its unpacked bytes again to exactly the same file.

For chunking the unpacked bytes: two saves of one project share most of their XML and nothing of their gzip.
Promises: `packing_of` answers only after packing the whole content again and comparing every byte; time
linear in the unpacked size, memory bounded. **The same build of zlib** packs the same way; another one
(zlib-ng, another version) may not: whoever packs for a reader compares the digest of what came out, and a
file is stored unpacked only beside a promise that this build, told by `build_mark`, is there to pack it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from blake3 import blake3

from domain.format.codec import require
from domain.format.errors import FormatError
from domain.format.media.source import Source
from domain.nle.unpacking import (
    GZIP_MAGIC,
    GZIP_TRAILER_BYTES,
    Budget,
    gunzip,
    gzip_header_bytes,
    gzip_trailer,
)

FEED_BYTES = 64 * 1024
"""Packing is always fed so much at once: then what comes out cannot depend on how its input is cut."""
TRIAL_BYTES = 16 * 1024 * 1024
"""Of the unpacked bytes: so far every manner is tried that has not packed otherwise yet. The first block
that zlib finishes tells most of them apart: after at most 8 MiB, of XML mostly after less than 1."""
FINALISTS_MAX = 4
"""That are tried to the end, side by side."""
LEVELS = range(1, 10)
"""Without 0: what zlib makes of stored blocks depends on how much room its caller gave it."""
MEM_LEVEL_USUAL = 8


@dataclass(frozen=True, slots=True)
class Manner:
    """The parameters of zlib's deflateInit2, but for the window, which is always 32 KiB."""

    level: int
    mem_level: int = MEM_LEVEL_USUAL
    strategy: int = zlib.Z_DEFAULT_STRATEGY


USUAL = tuple(Manner(level, mem) for mem in (MEM_LEVEL_USUAL, 9) for level in (6, 9, 1, 5, 7, 8, 4, 3, 2))
"""Every level, at zlib's usual memory and at the most."""
UNUSUAL = (
    *(Manner(level, strategy=zlib.Z_FILTERED) for level in LEVELS if level > 3),
    *(Manner(level, strategy=zlib.Z_FIXED) for level in LEVELS),
    *(Manner(6, strategy=strategy) for strategy in (zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE)),
    *(Manner(level, mem) for level in (6, 9) for mem in range(1, MEM_LEVEL_USUAL)),
)
"""Below level 4 filtering changes nothing; the last two strategies heed no level."""


@dataclass(frozen=True, slots=True)
class Packing:
    """All that is needed beside the unpacked bytes to have the file again."""

    header: bytes
    """The gzip header as it stood: times, names and all."""
    manner: Manner
    unpacked_bytes: int
    build: str
    """`build_mark()` of the process that found it."""


def packing_of(content: Source) -> Packing | None:
    """None if it is no gzip, damaged, too large to unpack, or cannot be packed to the same bytes here."""
    if content.read(0, len(GZIP_MAGIC)) != GZIP_MAGIC:
        return None
    try:
        header = content.read(0, gzip_header_bytes(content))
        found = _race(content, len(header), USUAL) or _race(content, len(header), UNUSUAL)
    except FormatError:
        return None
    return Packing(header, *found, build_mark()) if found else None


def unpack(content: Source) -> Iterator[bytes]:
    """The unpacked bytes, piece by piece. Raises FormatError."""
    return gunzip(content, Budget())


def pack(unpacked: Iterable[bytes], packing: Packing) -> Iterator[bytes]:
    """The packed file, piece by piece, however the unpacked bytes are cut.

    Raises FormatError at its end if these are not as many bytes as were found. That what came out is the
    file is for its reader to see: another build of zlib may pack otherwise.
    """
    packer = _Packer(packing.manner)
    crc, unpacked_bytes = 0, 0
    yield packing.header
    for piece in _evenly(unpacked):
        crc, unpacked_bytes = zlib.crc32(piece, crc), unpacked_bytes + len(piece)
        if packed := packer.packed(piece):
            yield packed
    yield packer.rest()
    require(unpacked_bytes == packing.unpacked_bytes, "these are not the bytes that were unpacked")
    yield gzip_trailer(crc, unpacked_bytes)


@cache
def build_mark() -> str:
    """Of what this build of zlib makes of a sample: as far as that shows, builds of one mark pack alike."""
    sample = blake3(b"dits: a sample to pack").digest(length=4096).hex().encode() * 24
    mark = blake3()
    for manner in USUAL:
        packer = _Packer(manner)
        mark.update(packer.packed(sample) + packer.rest())
    return mark.hexdigest()[:16]


def _race(content: Source, header_bytes: int, manners: Iterable[Manner]) -> tuple[Manner, int] | None:
    """The first that packs all of it to the same bytes, and how many were unpacked. Raises FormatError."""
    racers = [(manner, _Packer(manner), _Comparison(content, header_bytes)) for manner in manners]
    unpacked_bytes = 0
    for piece in _evenly(unpack(content)):
        unpacked_bytes += len(piece)
        racers = [racer for racer in racers if racer[2].takes(racer[1].packed(piece))]
        if unpacked_bytes > TRIAL_BYTES:
            racers = racers[:FINALISTS_MAX]
        if not racers:
            return None
    for manner, packer, comparison in racers:
        if comparison.takes(packer.rest()) and comparison.offset + GZIP_TRAILER_BYTES == content.size_bytes:
            return manner, unpacked_bytes
    return None


class _Comparison:
    """Compares what is made with the file, from front to back."""

    def __init__(self, content: Source, offset: int) -> None:
        self._content = content
        self.offset = offset

    def takes(self, made: bytes) -> bool:
        expected = self._content.read(self.offset, len(made)) if made else b""
        self.offset += len(made)
        return made == expected


class _Packer:
    """One deflate stream in the making."""

    def __init__(self, manner: Manner) -> None:
        self._engine = zlib.compressobj(
            manner.level, zlib.DEFLATED, -zlib.MAX_WBITS, manner.mem_level, manner.strategy
        )

    def packed(self, piece: bytes) -> bytes:
        """What is ready of it; the rest comes with later pieces."""
        return self._engine.compress(piece)

    def rest(self) -> bytes:
        return self._engine.flush()


def _evenly(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of FEED_BYTES, the last one shorter."""
    held = bytearray()
    for piece in pieces:
        held += piece
        while len(held) >= FEED_BYTES:
            yield bytes(held[:FEED_BYTES])
            del held[:FEED_BYTES]
    if held:
        yield bytes(held)

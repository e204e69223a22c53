"""Packs the unpacked bytes of a file again, to exactly the file it was (ADR 0105).

Promises: nothing is given before it is known that all of it is right (I8), so everything is packed twice;
memory is flat. The same build of zlib packs the same way, and another one may not: where the machine's does
not, zlib's own way is followed step by step in Python, which is slow and the same everywhere.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Protocol

from blake3 import blake3

from ..errors import FormatError
from .deflating import Deflater
from .packing import Manner, Packing, gzip_trailer

FEED_BYTES = 64 * 1024
"""An engine is always fed so much at once: then what comes out cannot depend on how its input is cut."""
CLASSIC = "282d3b8ed26a2111"
"""The mark of zlib as it has packed since 1.2.5: what `deflating` spells out."""
MARKED_MANNERS = (Manner(1), Manner(4), Manner(6), Manner(9), Manner(6, 2))
SAMPLE_WORDS = 8192


class Engine(Protocol):
    """One deflate stream in the making (RFC 1951). What is ready of it comes; the rest comes later."""

    def compress(self, piece: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...


NewEngine = Callable[[Manner], Engine]


def zlib_engine(manner: Manner) -> Engine:
    return zlib.compressobj(manner.level, zlib.DEFLATED, -zlib.MAX_WBITS, manner.mem_level, manner.strategy)


def spelled_engine(manner: Manner) -> Engine:
    return Deflater(manner.level, manner.mem_level, manner.strategy)


ENGINES: tuple[NewEngine, ...] = (zlib_engine, spelled_engine)
"""In the order in which they are tried by who packs for himself."""


def packed(
    unpacked: Callable[[], Iterable[bytes]], packing: Packing, engines: Iterable[NewEngine] | None = None
) -> Iterator[bytes]:
    """The packed file, piece by piece, however the unpacked bytes are cut; these are read again each time.

    Without `engines` it is packed for others, so where zlib is enough no recipe that lies can make it slow.

    Raises FormatError before the first piece if none of the engines makes the file that it was.
    """
    if engines is None:
        engines = (zlib_engine,) if is_classic() else ENGINES
    for engine in engines:
        hasher = blake3()
        for piece in _pack(unpacked(), packing, engine):
            hasher.update(piece)
        if hasher.digest() == packing.digest:
            yield from _pack(unpacked(), packing, engine)
            return
    raise FormatError(reason="its bytes cannot be packed to the file that they were")


def _pack(unpacked: Iterable[bytes], packing: Packing, new_engine: NewEngine) -> Iterator[bytes]:
    engine, crc, unpacked_bytes = new_engine(packing.manner), 0, 0
    yield packing.header
    for piece in evenly(unpacked):
        crc, unpacked_bytes = zlib.crc32(piece, crc), unpacked_bytes + len(piece)
        if made := engine.compress(piece):
            yield made
    yield engine.flush()
    yield gzip_trailer(crc, unpacked_bytes)


@cache
def is_classic() -> bool:
    """Does this machine's zlib pack as `deflating` spells it out, as far as a sample shows?"""
    return build_mark(zlib_engine) == CLASSIC


def build_mark(new_engine: NewEngine) -> str:
    """Of what an engine makes of a sample of markup, which repeats near and far and fills several blocks."""
    chance = blake3(b"dits: a sample to pack").digest(length=SAMPLE_WORDS)
    sample = b"".join(b'<Item n="%d"/>\n' % word if word % 5 else b"\t%02x" % word for word in chance)
    mark = blake3()
    for manner in MARKED_MANNERS:
        engine = new_engine(manner)
        mark.update(engine.compress(sample) + engine.flush())
    return mark.hexdigest()[:16]


def evenly(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of FEED_BYTES, the last one shorter."""
    held = bytearray()
    for piece in pieces:
        held += piece
        while len(held) >= FEED_BYTES:
            yield bytes(held[:FEED_BYTES])
            del held[:FEED_BYTES]
    if held:
        yield bytes(held)

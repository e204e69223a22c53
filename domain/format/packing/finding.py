"""Finds out how a gzip'd project was packed (ADR 0105).

For chunking the unpacked bytes: two saves of one project share most of their XML and nothing of their gzip.
Promises: `packing_of` answers only after packing the whole content again and comparing every byte; time
linear in the unpacked size, memory bounded. It never answers where this build of zlib is not the one whose
packing is spelled out in `deflating`: so whatever is kept unpacked can be packed again anywhere.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from blake3 import blake3

from ..chunking import OPAQUE
from ..digest import Digest
from ..errors import FormatError
from ..media.source import Source
from .packing import (
    GZIP_MAGIC,
    GZIP_TRAILER_BYTES,
    LEVELS,
    MEM_LEVEL_USUAL,
    PACKED_BYTES_MAX,
    Manner,
    Packing,
)
from .repacking import Engine, evenly, is_classic, zlib_engine
from .unpacking import Budget, gunzip, gzip_header_bytes

TRIAL_BYTES = 16 * 1024 * 1024
"""Of the unpacked bytes: so far every manner is tried that has not packed otherwise yet. The first block
that zlib finishes tells most of them apart: after at most 8 MiB, of XML mostly after less than 1."""
FINALISTS_MAX = 4
"""That are tried to the end, side by side."""
MARKUP = (b"<", b"\xef\xbb\xbf<", b"\xff\xfe<\0", b"\xfe\xff\0<")
"""How XML begins. Anything else that is packed has no reason to be like what it was before."""
DIGESTED_BYTES = 1024 * 1024

USUAL = tuple(Manner(level, mem) for mem in (MEM_LEVEL_USUAL, 9) for level in (6, 9, 1, 5, 7, 8, 4, 3, 2))
"""Every level, at zlib's usual memory and at the most."""
UNUSUAL = (
    *(Manner(level, strategy=zlib.Z_FILTERED) for level in LEVELS if level > 3),
    *(Manner(level, strategy=zlib.Z_FIXED) for level in LEVELS),
    *(Manner(6, strategy=strategy) for strategy in (zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE)),
    *(Manner(level, mem) for level in (6, 9) for mem in range(1, MEM_LEVEL_USUAL)),
)
"""Below level 4 filtering changes nothing; the last two strategies heed no level."""


def is_worth_unpacking(content: Source) -> bool:
    """Is it gzip'd markup, so that what changes in it is a part of it? Raises what the source raises."""
    if content.size_bytes <= OPAQUE.min_bytes or content.read(0, len(GZIP_MAGIC)) != GZIP_MAGIC:
        return False
    try:
        return next(gunzip(content, Budget()), b"").startswith(MARKUP)
    except FormatError:
        return False


def packing_of(content: Source) -> Packing | None:
    """None if it is no gzip, damaged, too large, or cannot be packed to the same bytes here.

    Raises what the source raises.
    """
    if content.size_bytes > PACKED_BYTES_MAX or not is_classic():
        return None
    if content.read(0, len(GZIP_MAGIC)) != GZIP_MAGIC:
        return None
    try:
        header = content.read(0, gzip_header_bytes(content))
        manner = _race(content, len(header), USUAL) or _race(content, len(header), UNUSUAL)
    except FormatError:
        return None
    return Packing(header, manner, content.size_bytes, _digest(content)) if manner else None


def _race(content: Source, header_bytes: int, manners: Iterable[Manner]) -> Manner | None:
    """The first that packs all of it to the same bytes. Raises FormatError."""
    racers = [_Racer(manner, content, header_bytes) for manner in manners]
    unpacked_bytes = 0
    for piece in evenly(gunzip(content, Budget())):
        unpacked_bytes += len(piece)
        racers = [racer for racer in racers if racer.takes(piece)]
        if unpacked_bytes > TRIAL_BYTES:
            racers = racers[:FINALISTS_MAX]
        if not racers:
            return None
    return next((racer.manner for racer in racers if racer.ends()), None)


class _Racer:
    """Packs in one manner and compares what comes out with the file, from front to back."""

    def __init__(self, manner: Manner, content: Source, offset: int) -> None:
        self.manner = manner
        self._content = content
        self._offset = offset
        self._engine: Engine = zlib_engine(manner)

    def takes(self, piece: bytes) -> bool:
        return self._is_there(self._engine.compress(piece))

    def ends(self) -> bool:
        is_all = self._is_there(self._engine.flush())
        return is_all and self._offset + GZIP_TRAILER_BYTES == self._content.size_bytes

    def _is_there(self, made: bytes) -> bool:
        expected = self._content.read(self._offset, len(made)) if made else b""
        self._offset += len(made)
        return made == expected


def _digest(content: Source) -> Digest:
    hasher = blake3()
    for offset in range(0, content.size_bytes, DIGESTED_BYTES):
        hasher.update(content.read(offset, DIGESTED_BYTES))
    return Digest(hasher.digest())

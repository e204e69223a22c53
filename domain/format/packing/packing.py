"""How a gzip'd file is packed, so that its unpacked bytes are chunked and the file is there again (ADR 0105).

Promises: with the unpacked bytes it is all that is needed; the digest of the packed file is in it, since no
chunk's name vouches for that.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from ..codec import Body, number, require
from ..digest import DIGEST_BYTES, Digest

GZIP_MAGIC = b"\x1f\x8b\x08"
GZIP_HEADER_BYTES_MAX = 4096
"""With a name and a comment; programs write 10, or 10 and a name."""
GZIP_TRAILER_BYTES = 8
PACKED_BYTES_MAX = 64 * 1024 * 1024
"""Of a file that is unpacked: a reader of any place of it holds all of it in memory."""
UNPACKED_BYTES_MAX = 512 * 1024 * 1024
"""Of one project file in all: some 30 seconds of looking. Larger ones are kept as bytes."""
LEVELS = range(1, 10)
"""Without 0: what zlib makes of stored blocks depends on how much room its caller gave it."""
MEM_LEVELS = range(1, 10)
MEM_LEVEL_USUAL = 8
STRATEGIES = range(zlib.Z_DEFAULT_STRATEGY, zlib.Z_FIXED + 1)


@dataclass(frozen=True, slots=True)
class Manner:
    """The parameters of zlib's deflateInit2, but for the window, which is always 32 KiB."""

    level: int
    mem_level: int = MEM_LEVEL_USUAL
    strategy: int = zlib.Z_DEFAULT_STRATEGY


@dataclass(frozen=True, slots=True)
class Packing:
    """A gzip member. Raises FormatError when made from parts that no reader takes."""

    header: bytes
    """As it stood: times, names and all."""
    manner: Manner
    size_bytes: int
    """Of the packed file."""
    digest: Digest
    """Of the packed file."""

    def __post_init__(self) -> None:
        require(self.header.startswith(GZIP_MAGIC), "a packing is a gzip header's")
        require(len(self.header) <= GZIP_HEADER_BYTES_MAX, "a gzip header is too long")
        require(len(self.header) < self.size_bytes <= PACKED_BYTES_MAX, "a packed file has another size")
        require(self.manner.level in LEVELS, "a packing's level is 1 to 9")
        require(self.manner.mem_level in MEM_LEVELS, "a packing's memory level is 1 to 9")
        require(self.manner.strategy in STRATEGIES, "a packing's strategy is 0 to 4")

    def encode(self) -> bytes:
        manner = bytes([self.manner.level, self.manner.mem_level, self.manner.strategy])
        return number(len(self.header), 2) + self.header + manner + number(self.size_bytes, 8) + self.digest

    @staticmethod
    def decode(body: Body) -> Packing:
        """Raises FormatError."""
        header = body.take(body.number(2))
        manner = Manner(body.number(1), body.number(1), body.number(1))
        return Packing(header, manner, body.number(8), Digest(body.take(DIGEST_BYTES)))


def gzip_trailer(crc: int, unpacked_bytes: int) -> bytes:
    return crc.to_bytes(4, "little") + (unpacked_bytes & 0xFFFFFFFF).to_bytes(4, "little")

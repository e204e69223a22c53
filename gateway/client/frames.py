"""Frames: how named objects travel, ``[32-byte digest][u32 big-endian length][bytes]`` after one another.

Promises: packing copies no content; nothing that does not hash to its name comes out of `unpacked`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from .errors import IntegrityError, NotDitsError
from .format.digest import DIGEST_BYTES, Digest, digest_of
from .wire import Buffer

HEAD_BYTES = DIGEST_BYTES + 4


def packed(objects: Iterable[tuple[Digest, Buffer]]) -> list[Buffer]:
    """Heads and contents in turn, ready to be sent one by one."""
    return [
        part for digest, content in objects for part in (digest + len(content).to_bytes(4, "big"), content)
    ]


def unpacked(frames: bytes, asked: Sequence[Digest], *, server: str) -> Iterator[memoryview]:
    """The contents in the order asked. Raises IntegrityError, NotDitsError."""
    rest = memoryview(frames)
    for digest in asked:
        size_bytes = int.from_bytes(rest[DIGEST_BYTES:HEAD_BYTES], "big")
        if bytes(rest[:DIGEST_BYTES]) != digest or len(rest) < HEAD_BYTES + size_bytes:
            raise NotDitsError(server=server, reason="frames in another order, or not all of them")
        content = rest[HEAD_BYTES : HEAD_BYTES + size_bytes]
        if digest_of(content) != digest:
            raise IntegrityError(thing="chunk", name=digest.hex())
        yield content
        rest = rest[HEAD_BYTES + size_bytes :]


def split(digests: bytes) -> list[Digest]:
    """Digests that stand side by side."""
    return [Digest(digests[at : at + DIGEST_BYTES]) for at in range(0, len(digests), DIGEST_BYTES)]

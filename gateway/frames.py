"""Frames: how named objects arrive and leave, ``[32-byte digest][u32 big-endian length][bytes]`` in a row.

Promises: what comes out of `parse` is complete, within its limits, and hashes to its name.
"""

from __future__ import annotations

from collections.abc import Sequence

from domain.errors import BodyTooLargeError, ChunkDigestMismatchError, ChunkSizeError, MalformedBodyError
from domain.format.digest import DIGEST_BYTES, digest_of
from domain.ids import Digest
from gateway.core import Limits

HEAD_BYTES = DIGEST_BYTES + 4


def parse(body: bytes, limits: Limits, *, frame_bytes_max: int) -> list[tuple[Digest, memoryview]]:
    """Each different object once.

    Raises MalformedBodyError, ChunkSizeError, ChunkDigestMismatchError, BodyTooLargeError.
    """
    view, at = memoryview(body), 0
    found: dict[Digest, memoryview] = {}
    for count in range(limits.batch_chunks_max):
        if at - count * HEAD_BYTES > limits.batch_bytes_max:
            raise BodyTooLargeError(limit_bytes=limits.batch_bytes_max)
        if at == len(view):
            return list(found.items())
        head = view[at : at + HEAD_BYTES]
        size_bytes = int.from_bytes(head[DIGEST_BYTES:], "big")
        content = view[at + HEAD_BYTES : at + HEAD_BYTES + size_bytes]
        if len(head) < HEAD_BYTES or len(content) < size_bytes:
            raise MalformedBodyError(expected="frames", reason=f"it breaks off in the frame at byte {at}")
        if not 0 < size_bytes <= frame_bytes_max:
            raise ChunkSizeError(limit_bytes=frame_bytes_max, size_bytes=size_bytes)
        _refuse_another_name(Digest(bytes(head[:DIGEST_BYTES])), content)
        found[Digest(bytes(head[:DIGEST_BYTES]))] = content
        at += HEAD_BYTES + size_bytes
    if at < len(view):
        reason = f"it has more than {limits.batch_chunks_max} frames"
        raise MalformedBodyError(expected="frames", reason=reason)
    return list(found.items())


def _refuse_another_name(name: Digest, content: memoryview) -> None:
    actual = digest_of(content)
    if actual != name:
        raise ChunkDigestMismatchError(name=name.hex(), actual=actual.hex())


def digests(body: bytes, *, count_max: int) -> list[Digest]:
    """Digests side by side, each different one once, in order. Raises MalformedBodyError."""
    if len(body) % DIGEST_BYTES or len(body) > count_max * DIGEST_BYTES:
        reason = f"it is not 0 to {count_max} digests of {DIGEST_BYTES} bytes"
        raise MalformedBodyError(expected="digests", reason=reason)
    at_bytes = range(0, len(body), DIGEST_BYTES)
    return list(dict.fromkeys(Digest(body[at : at + DIGEST_BYTES]) for at in at_bytes))


def frame(name: Digest, content: bytes) -> bytes:
    return b"".join((name, len(content).to_bytes(4, "big"), content))


def joined(names: Sequence[Digest]) -> bytes:
    return b"".join(names)

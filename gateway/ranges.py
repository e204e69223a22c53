"""Which part of a file is asked for: one byte range and its conditions (RFC 9110, sections 13 and 14).

Promises: a range of another unit, of several parts or that is not well-formed is passed over and the whole is
sent, as the RFC allows; one that lies outside is refused with the file's size.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from domain.errors import RangeNotSatisfiableError

RANGE = re.compile(r"bytes=[ \t]*(\d{0,19})-(\d{0,19})[ \t]*", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes ``start <= i < stop``."""

    start: int
    stop: int

    @property
    def size_bytes(self) -> int:
        return self.stop - self.start

    def of(self, size_bytes: int) -> str:
        """Content-Range."""
        return f"bytes {self.start}-{self.stop - 1}/{size_bytes}"

    def within(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Its part of a whole that comes in pieces, of which no more are asked for than needed."""
        at = 0
        for piece in pieces:
            part = piece[max(0, self.start - at) : max(0, self.stop - at)]
            at += len(piece)
            if part:
                yield part
            if at >= self.stop:
                return


def asked_span(headers: Mapping[str, str], etag: str, size_bytes: int) -> Span | None:
    """None: the whole. Raises RangeNotSatisfiableError."""
    if headers.get("if-range", etag) != etag:
        return None
    match = RANGE.fullmatch(headers.get("range", ""))
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        return _suffix(int(last), size_bytes)
    start, stop = int(first), int(last) + 1 if last else size_bytes
    if last and int(last) < start:
        return None
    if start >= size_bytes:
        raise RangeNotSatisfiableError(size_bytes=size_bytes)
    return Span(start, min(stop, size_bytes))


def is_known(headers: Mapping[str, str], etag: str) -> bool:
    """If-None-Match: the caller has it already; compared weakly."""
    names = [name.strip().removeprefix("W/") for name in headers.get("if-none-match", "").split(",")]
    return etag in names or "*" in names


def _suffix(last_bytes: int, size_bytes: int) -> Span | None:
    if last_bytes == 0:
        raise RangeNotSatisfiableError(size_bytes=size_bytes)
    return Span(max(0, size_bytes - last_bytes), size_bytes) if size_bytes else None

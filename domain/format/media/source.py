"""Where the bytes of a file are read from, wherever they lie: a file, a buffer, or chunks (`rebuilding`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO, Protocol


class Source(Protocol):
    """One content that does not change. Callers may rely on: reading twice gives the same bytes."""

    @property
    def size_bytes(self) -> int: ...

    def read(self, offset: int, size_bytes: int) -> bytes:
        """The bytes ``offset <= i < offset + size_bytes``, fewer only where the content ends before."""
        ...


@dataclass(frozen=True, slots=True)
class BytesSource:
    """A content in memory."""

    content: bytes

    @property
    def size_bytes(self) -> int:
        return len(self.content)

    def read(self, offset: int, size_bytes: int) -> bytes:
        return self.content[offset : offset + size_bytes]


@dataclass(frozen=True, slots=True)
class FileSource:
    """An open file. For one thread."""

    file: BinaryIO

    @property
    def size_bytes(self) -> int:
        return self.file.seek(0, 2)

    def read(self, offset: int, size_bytes: int) -> bytes:
        self.file.seek(offset)
        return self.file.read(size_bytes)

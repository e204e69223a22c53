"""The frame and the words of every stored object: seal, unseal, and a reader that never reads too far.

Promises: an object is believed only if its trailer fits, so every proper prefix and every flipped bit is
ManifestCorruptionError (seed S1.2); anything else that is wrong is FormatError with its reason.
"""

from __future__ import annotations

import struct
from typing import Literal

from blake3 import blake3

from .digest import DIGEST_BYTES, Digest
from .errors import FormatError, ManifestCorruptionError

Magic = Literal[b"DITR", b"DITT", b"DITM", b"DITS"]

FORMAT_VERSION = 1
"""The first of every kind, and of all but recipes the only one."""
HEADER_BYTES = 5
OBJECT_BYTES_MAX = 64 * 1024 * 1024
"""What one `put` may carry: an object is always written and read as a whole."""
SIZE_BYTES_MAX = 2**63 - 1
"""Of a file or of all files of a commit: what a signed 64-bit column can hold."""


def seal(magic: Magic, body: bytes, version: int = FORMAT_VERSION) -> bytes:
    """The whole object: magic, version, body, trailer. Raises FormatError if it is over the limit."""
    framed = magic + bytes([version]) + body
    if len(framed) + DIGEST_BYTES > OBJECT_BYTES_MAX:
        raise FormatError(reason=f"an object has at most {OBJECT_BYTES_MAX} bytes")
    return framed + blake3(framed).digest()


def unseal(magic: Magic, encoded: bytes, newest: int = FORMAT_VERSION) -> Body:
    """The body of an object of this kind, up to its `newest` version.

    Raises ManifestCorruptionError, FormatError.
    """
    if len(encoded) > OBJECT_BYTES_MAX:
        raise FormatError(reason=f"an object has at most {OBJECT_BYTES_MAX} bytes")
    framed, trailer = encoded[:-DIGEST_BYTES], encoded[-DIGEST_BYTES:]
    if len(framed) < HEADER_BYTES or blake3(framed).digest() != trailer:
        raise ManifestCorruptionError
    if framed[:4] != magic:
        raise FormatError(reason=f"it does not begin with {magic.decode()}")
    if not FORMAT_VERSION <= framed[4] <= newest:
        raise FormatError(reason=f"format version {framed[4]} is not known here")
    return Body(framed, HEADER_BYTES, framed[4])


class Body:
    """Reads a body from front to back; whatever asks for more than is there is a FormatError."""

    def __init__(self, content: bytes, position: int = 0, version: int = FORMAT_VERSION) -> None:
        self.version = version
        """Of the layout, for whoever reads more than one."""
        self._content = content
        self._position = position

    @property
    def left_bytes(self) -> int:
        return len(self._content) - self._position

    def take(self, size_bytes: int) -> bytes:
        start, stop = self._position, self._position + size_bytes
        if stop > len(self._content):
            raise FormatError(reason="it ends in the middle of a field")
        self._position = stop
        return self._content[start:stop]

    def number(self, width_bytes: int) -> int:
        return int.from_bytes(self.take(width_bytes), "big")

    def fields(self, layout: struct.Struct) -> tuple[int | bytes, ...]:
        """Several fixed-width fields at once."""
        return layout.unpack(self.take(layout.size))

    def digest(self) -> Digest:
        return Digest(self.take(DIGEST_BYTES))

    def text(self, width_bytes: int) -> str:
        """UTF-8 after its length in `width_bytes` bytes."""
        return decoded_text(self.take(self.number(width_bytes)))

    def end(self) -> None:
        """Nothing may be left. Raises FormatError."""
        if self.left_bytes:
            raise FormatError(reason=f"{self.left_bytes} bytes are left over")


def decoded_text(raw: bytes) -> str:
    """Strict UTF-8. Raises FormatError."""
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise FormatError(reason="a text is not valid UTF-8") from error


def number(value: int, width_bytes: int) -> bytes:
    return value.to_bytes(width_bytes, "big")


def text(value: str, width_bytes: int) -> bytes:
    raw = value.encode()
    return number(len(raw), width_bytes) + raw


def require(condition: bool, reason: str) -> None:
    """Like assert, but about input: raises FormatError with the reason unless the condition holds."""
    if not condition:
        raise FormatError(reason=reason)

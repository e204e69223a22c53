"""Where something stands in the log: (incarnation, sequence, digest of that message).

A bare sequence number lies after a restore from an older backup; the digest notices (I11).
To clients a position is one opaque string.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from domain.errors import InvalidPositionError


@dataclass(frozen=True, slots=True)
class Position:
    incarnation: str
    """Which life of the log: made when the stream was made, lower-case hex, 16 characters."""
    sequence: int
    """The stream sequence of the message, from 1."""
    digest: bytes
    """BLAKE3-256 of that message's subject and payload."""

    def encode(self) -> str:
        raw = bytes.fromhex(self.incarnation) + self.sequence.to_bytes(8, "big") + self.digest
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")

    @staticmethod
    def decode(text: str) -> Position:
        """Raises InvalidPositionError for anything that `encode` did not make."""
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise InvalidPositionError(given=text[:16]) from error
        if len(raw) != 48:
            raise InvalidPositionError(given=text[:16])
        position = Position(raw[:8].hex(), int.from_bytes(raw[8:16], "big"), raw[16:])
        if position.encode() != text:
            raise InvalidPositionError(given=text[:16])
        return position

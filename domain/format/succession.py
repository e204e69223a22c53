"""That one recipe stands for another, as the object store remembers it (`docs/formats.md`, Succession).

Promises: a Succession that exists is valid and has one encoding; it is written only once both recipes were
seen to rebuild the same bytes, so it holds wherever both are known.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from .codec import require, seal, unseal
from .digest import DIGEST_BYTES, Digest, digest_of


@dataclass(frozen=True)
class Succession:
    """Raises FormatError when made from fields that break a rule."""

    old: Digest
    """The recipe that trees name."""
    new: Digest
    """The one that is read instead; it may have a successor of its own."""

    def __post_init__(self) -> None:
        require(len(self.old) == len(self.new) == DIGEST_BYTES, "a digest has 32 bytes")
        require(self.old != self.new, "a recipe does not stand for itself")

    @cached_property
    def digest(self) -> Digest:
        """The object's name."""
        return digest_of(self.encode())

    def encode(self) -> bytes:
        return seal(b"DITS", self.old + self.new)

    @staticmethod
    def decode(encoded: bytes) -> Succession:
        """Raises ManifestCorruptionError if the trailer does not fit, else FormatError."""
        body = unseal(b"DITS", encoded)
        old, new = body.digest(), body.digest()
        body.end()
        return Succession(old, new)

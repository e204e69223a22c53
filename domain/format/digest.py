"""What content is called: the BLAKE3-256 of its bytes (house: Bytes)."""

from __future__ import annotations

from typing import NewType

from blake3 import blake3

Digest = NewType("Digest", bytes)
"""BLAKE3-256 of content: 32 bytes, the name of a chunk, recipe, tree or manifest."""

DIGEST_BYTES = 32


def digest_of(content: bytes | bytearray | memoryview) -> Digest:
    """The name of a chunk or of a whole encoded object. Hashes on one core and frees the GIL meanwhile."""
    return Digest(blake3(content).digest())

"""Facts that ride along with a file or a commit without the format knowing them, such as media facts.

Promises: bounded, canonical, and kept by readers that do not know a tag (`docs/formats.md`, Extension block).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from .codec import Body, number, require

MEDIA_FACTS = 1
"""The tag of what a media file is, as the server found it (`docs/formats.md`, Media facts)."""
EXTENSION_BLOCK_BYTES_MAX = 4096
"""Of one file or commit: facts, not thumbnails; a directory stays quick to read."""


@dataclass(frozen=True, slots=True)
class Extension:
    """One typed fact; what the bytes mean belongs to the tag."""

    tag: int
    value: bytes

    def __post_init__(self) -> None:
        require(1 <= self.tag <= 0xFFFF, "an extension's tag is 1 to 65535")
        require(
            1 <= len(self.value) <= EXTENSION_BLOCK_BYTES_MAX, "an extension is neither empty nor oversize"
        )


Extensions = tuple[Extension, ...]


def encode_block(extensions: Extensions) -> bytes:
    """The items without the block's length. Raises FormatError if they are not a valid block."""
    block = b"".join(number(each.tag, 2) + number(len(each.value), 2) + each.value for each in extensions)
    require(len(block) <= EXTENSION_BLOCK_BYTES_MAX, "an extension block has at most 4096 bytes")
    require(all(a.tag < b.tag for a, b in pairwise(extensions)), "extension tags are strictly ascending")
    return block


def decode_block(block: bytes) -> Extensions:
    extensions = tuple(_items(block))
    encode_block(extensions)
    return extensions


def described(kept: Extensions, said: Extensions) -> Extensions:
    """What the server says of a file, in place of what stood under its own tags; others stay as they are."""
    others = (each for each in kept if each.tag != MEDIA_FACTS)
    return tuple(sorted((*others, *said), key=lambda each: each.tag))


def _items(block: bytes) -> Iterator[Extension]:
    body, left_bytes = Body(block), len(block)
    while left_bytes:
        extension = Extension(body.number(2), body.take(body.number(2)))
        left_bytes -= 4 + len(extension.value)
        yield extension

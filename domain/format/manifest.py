"""One commit: what the files were, what came before, who made it and why (`docs/formats.md`, Manifest).

Promises: a Manifest that exists is valid and has one encoding; with the trees, recipes and chunks below it,
it is all that is needed to find the commit again, without log and database (seed S1.2).
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cached_property

from .codec import Body, number, require, seal, text, unseal
from .digest import DIGEST_BYTES, Digest, digest_of
from .extension import Extensions, decode_block, encode_block

PARENTS_MAX = 8
"""A merge of more lines than this is a script gone wrong."""
AUTHOR_BYTES_MAX = 256
MESSAGE_BYTES_MAX = 64 * 1024
"""It travels in a command of at most 256 KiB and in an event."""
CREATED_AT_MS_MAX = 253_402_300_799_999
"""The last millisecond of the year 9999: what every calendar library can hold."""


@dataclass(frozen=True)
class Manifest:
    """A commit. Raises FormatError when made from fields that break a rule."""

    root: Digest | None
    """The root tree; None if the commit holds no file."""
    parents: tuple[Digest, ...]
    """Manifests, first the one that the branch stood at."""
    author: str
    message: str
    created_at_ms: int
    """Unix milliseconds."""
    extensions: Extensions = ()

    def __post_init__(self) -> None:
        require(self.root is None or len(self.root) == DIGEST_BYTES, "a digest has 32 bytes")
        require(all(len(each) == DIGEST_BYTES for each in self.parents), "a digest has 32 bytes")
        require(len(self.parents) <= PARENTS_MAX, f"a commit has at most {PARENTS_MAX} parents")
        require(len(set(self.parents)) == len(self.parents), "the parents are different commits")
        require(0 <= self.created_at_ms <= CREATED_AT_MS_MAX, "the time is between 1970 and 9999")
        _check_text("author", self.author, at_least=1, at_most=AUTHOR_BYTES_MAX, allowed="")
        _check_text("message", self.message, at_least=0, at_most=MESSAGE_BYTES_MAX, allowed="\t\n\r")
        encode_block(self.extensions)

    @cached_property
    def digest(self) -> Digest:
        """The manifest's name."""
        return digest_of(self.encode())

    def encode(self) -> bytes:
        block = encode_block(self.extensions)
        fields = (
            b"\x00" if self.root is None else b"\x01" + self.root,
            number(len(self.parents), 1) + b"".join(self.parents),
            number(self.created_at_ms, 8),
            text(self.author, 2),
            text(self.message, 4),
            number(len(block), 2) + block,
        )
        return seal(b"DITM", b"".join(fields))

    @staticmethod
    def decode(encoded: bytes) -> Manifest:
        """Raises ManifestCorruptionError if the trailer does not fit, else FormatError."""
        body = unseal(b"DITM", encoded)
        root = _root(body)
        parents = tuple(body.digest() for _ in range(body.number(1)))
        created_at_ms, author, message = body.number(8), body.text(2), body.text(4)
        extensions = decode_block(body.take(body.number(2)))
        body.end()
        return Manifest(root, parents, author, message, created_at_ms, extensions)


def _root(body: Body) -> Digest | None:
    flag = body.number(1)
    require(flag in {0, 1}, f"{flag} is no root flag")
    return body.digest() if flag else None


def _check_text(what: str, value: str, *, at_least: int, at_most: int, allowed: str) -> None:
    """Lengths are bytes of UTF-8; a control character would reach terminals, and NUL no PostgreSQL column."""
    require(not any("\ud800" <= char <= "\udfff" for char in value), f"the {what} is valid Unicode")
    require(at_least <= len(value.encode()) <= at_most, f"the {what} has {at_least} to {at_most} bytes")
    controls = {char for char in value if unicodedata.category(char) == "Cc"} - set(allowed)
    require(not controls, f"the {what} holds no control characters")

"""One directory: names of files and directories, in order (`docs/formats.md`, Tree).

Promises: a Tree that exists is valid and has one encoding; equal directories are one object. A directory that
did not change keeps its name, so a commit stores what changed.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal

from .codec import SIZE_BYTES_MAX, Body, decoded_text, number, require, seal, unseal
from .digest import DIGEST_BYTES, Digest, digest_of
from .extension import Extensions, decode_block, encode_block
from .paths import broken_name_rule, case_key

ENTRIES_MAX = 262_144
"""A two-hour film kept as one file a frame fits into one directory."""

EntryKind = Literal["recipe", "tree"]
_KINDS: tuple[EntryKind, EntryKind] = ("recipe", "tree")
_ENTRY = struct.Struct(">B32sQHH")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file (its recipe) or a directory (its tree) under a name."""

    name: str
    kind: EntryKind
    digest: Digest
    size_bytes: int
    """Of the file, or of all files below the directory."""
    extensions: Extensions = ()

    def __post_init__(self) -> None:
        rule = broken_name_rule(self.name)
        require(rule is None, f"the name {self.name[:64]!a} breaks a rule: {rule}")
        require(len(self.digest) == DIGEST_BYTES, "a digest has 32 bytes")
        require(0 <= self.size_bytes <= SIZE_BYTES_MAX, f"a size is 0 to {SIZE_BYTES_MAX}")
        require(self.kind == "recipe" or not self.extensions, "a directory has no extension block")
        encode_block(self.extensions)

    def encode(self) -> bytes:
        name, block = self.name.encode(), encode_block(self.extensions)
        kind = _KINDS.index(self.kind) + 1
        return _ENTRY.pack(kind, self.digest, self.size_bytes, len(name), len(block)) + name + block


@dataclass(frozen=True)
class Tree:
    """A directory with at least one entry. Raises FormatError when made from entries that do not fit."""

    entries: tuple[Entry, ...]

    @staticmethod
    def of(entries: Iterable[Entry]) -> Tree:
        """From entries in any order."""
        return Tree(tuple(sorted(entries, key=_name)))

    def __post_init__(self) -> None:
        require(1 <= len(self.entries) <= ENTRIES_MAX, f"a directory has 1 to {ENTRIES_MAX} entries")
        # Code points compare as their UTF-8 bytes do.
        ascending = all(a.name < b.name for a, b in pairwise(self.entries))
        require(ascending, "names are in the order of their bytes, each once")
        distinct = len({case_key(entry.name) for entry in self.entries})
        require(distinct == len(self.entries), "two names differ only in letter case")
        require(self.size_bytes <= SIZE_BYTES_MAX, f"a directory has at most {SIZE_BYTES_MAX} bytes")

    @cached_property
    def size_bytes(self) -> int:
        """Of all files below."""
        return sum(entry.size_bytes for entry in self.entries)

    @cached_property
    def digest(self) -> Digest:
        """The tree's name."""
        return digest_of(self.encode())

    def find(self, name: str) -> Entry | None:
        at = bisect_left(self.entries, name, key=_name)
        if at == len(self.entries) or self.entries[at].name != name:
            return None
        return self.entries[at]

    def children(self, kind: EntryKind) -> tuple[Digest, ...]:
        """The recipes or trees it names, each once, in the order of the entries."""
        return tuple(dict.fromkeys(entry.digest for entry in self.entries if entry.kind == kind))

    def encode(self) -> bytes:
        """Raises FormatError if names and extensions together are over an object's limit."""
        return seal(b"DITT", number(len(self.entries), 4) + b"".join(each.encode() for each in self.entries))

    @staticmethod
    def decode(encoded: bytes) -> Tree:
        """Raises ManifestCorruptionError if the trailer does not fit, else FormatError."""
        body = unseal(b"DITT", encoded)
        count = body.number(4)
        require(count <= ENTRIES_MAX, f"a directory has 1 to {ENTRIES_MAX} entries")
        entries = tuple(_entry(body) for _ in range(count))
        body.end()
        return Tree(entries)


def _entry(body: Body) -> Entry:
    kind, digest, size_bytes = body.number(1), body.digest(), body.number(8)
    name_bytes, block_bytes = body.number(2), body.number(2)
    require(kind in {1, 2}, f"{kind} is no kind of entry")
    name, block = decoded_text(body.take(name_bytes)), body.take(block_bytes)
    return Entry(name, _KINDS[kind - 1], digest, size_bytes, decode_block(block))


def _name(entry: Entry) -> str:
    return entry.name

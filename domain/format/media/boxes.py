"""Boxes: one level of them, or a container with all that is in it, whatever a file claims.

Promises: no box reaches beyond its parent or the file; a size that lies ends its level; depth and number are
limited, so a nesting bomb is an error and not a crash. Nothing is read but headers: seed S4.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from struct import unpack_from

from ..errors import FormatError
from .movie import SAMPLE_CHUNKS_MAX, SAMPLES_MAX, TRACKS_MAX, Box
from .source import Source

SIBLINGS_MAX = 200_000
"""At one level: 25 hours in fragments of one second with an index each."""
DEPTH_MAX = 16
"""Of containers in containers; the deepest that is read, in a track, is 6."""
BOXES_MAX = 2_000_000
"""In moov and all fragments together; of what a movie of SIBLINGS_MAX needs, the half again."""
TREE_BOXES_MAX = 100_000
"""In moov, or in one fragment: held together, 40 times as large as in the file; TRACKS_MAX need 4,000."""
SPELLS_MAX = 4_000_000
"""Entries of all tables of durations and of shifts."""
DISTINCT_SPELLS_MAX = 200_000
"""Of them, how many may differ: equal ones are kept once."""
SYNC_SORTED_MAX = 1_000_000
"""Sync samples that a table does not tell in order: to sort them takes 100 bytes each."""
EDITS_MAX = 100_000
"""Of all tracks: 16 MB."""
BOX_BYTES = 64
"""Of the file, for each box in moov and the fragments beyond TREE_BOXES_MAX: even fragments of
one sound frame each, at 128 kbit/s, take more."""
UNLISTED_FREE = 65_536
"""A file cut short may lack samples that its fragments number without telling of each."""
READ_AHEAD_BYTES = 4096
"""Headers lie close together, and a read of a store costs more than these bytes."""
CONTAINERS = frozenset({"moov", "trak", "edts", "mdia", "minf", "dinf", "stbl", "mvex", "moof", "traf"})
LIMITS = {
    "boxes": BOXES_MAX,
    "boxes in one container": TREE_BOXES_MAX,
    "tracks": TRACKS_MAX,
    "samples": SAMPLES_MAX,
    "samples of fragments": SAMPLES_MAX,
    "sync samples": SAMPLES_MAX,
    "sync samples out of order": SYNC_SORTED_MAX,
    "samples that are nowhere listed": SAMPLES_MAX,
    "edits": EDITS_MAX,
    "chunks of samples": SAMPLE_CHUNKS_MAX,
    "runs of chunks": SAMPLE_CHUNKS_MAX,
    "spells": SPELLS_MAX,
    "different spells": DISTINCT_SPELLS_MAX,
}


class Budget:
    """What one movie may take; every table asks before it is read."""

    def __init__(self, limits: Mapping[str, int] = LIMITS) -> None:
        self._limits = limits
        self._left = dict(limits)

    @classmethod
    def of_file(cls, size_bytes: int) -> Budget:
        """A number alone costs a file nothing: so many samples as it has bytes, and no more, are believed.

        Nor are boxes, eight bytes each, looked at for longer than a movie of the file's size would have them.
        """
        unlisted = min(SAMPLES_MAX, UNLISTED_FREE + size_bytes)
        boxes = min(BOXES_MAX, TREE_BOXES_MAX + size_bytes // BOX_BYTES)
        return cls(LIMITS | {"samples that are nowhere listed": unlisted, "boxes": boxes})

    def take(self, what: str, count: int) -> None:
        """Raises FormatError if a movie has more than the limit of them."""
        self._left[what] -= count
        if self._left[what] < 0:
            raise FormatError(reason=f"a movie has more than {self._limits[what]} {what}")

    def renew(self, what: str) -> None:
        """Those that were taken are held no more."""
        self._left[what] = self._limits[what]


class ReadAhead:
    """A `Source` that asks the one behind it for a little more than it is asked for, and keeps that."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._offset = 0
        self._block = b""
        self.size_bytes = source.size_bytes

    def read(self, offset: int, size_bytes: int) -> bytes:
        if size_bytes > READ_AHEAD_BYTES:
            return self._source.read(offset, size_bytes)
        at = offset - self._offset
        if at < 0 or at + size_bytes > len(self._block):
            self._offset, at = offset, 0
            self._block = self._source.read(offset, READ_AHEAD_BYTES)
        return self._block[at : at + size_bytes]


@dataclass(frozen=True, slots=True)
class Node:
    """A box with the boxes in it, if it is one of CONTAINERS."""

    box: Box
    children: tuple[Node, ...] = ()

    def all_of(self, kind: str) -> tuple[Node, ...]:
        return tuple(child for child in self.children if child.box.kind == kind)

    def find(self, *path: str) -> Node | None:
        """The first of that kind, in the first of the kind before it, and so on."""
        node: Node | None = self
        for kind in path:
            node = next((child for child in node.children if child.box.kind == kind), None) if node else None
        return node

    def walk(self) -> Iterator[Box]:
        yield self.box
        for child in self.children:
            yield from child.walk()


def walk(source: Source, start: int = 0, stop: int | None = None, depth: int = 0) -> Iterator[Box]:
    """Siblings in order, up to the first whose size lies or that is none (padding).

    Raises FormatError if there are too many of them, or too deep.
    """
    if depth > DEPTH_MAX:
        raise FormatError(reason=f"boxes nest deeper than {DEPTH_MAX}")
    end = source.size_bytes if stop is None else min(stop, source.size_bytes)
    at = start
    for _ in range(SIBLINGS_MAX):
        box = _box_at(source, at, end, depth)
        if box is None:
            return
        yield box
        if box.declared_bytes != box.actual_bytes:
            return
        at = box.end
    if end - at >= 8:
        raise FormatError(reason=f"more than {SIBLINGS_MAX} boxes in a row")


def tree_of(source: Source, root: Box, budget: Budget) -> Node:
    """The container with all that is in it. Raises FormatError as `walk`, or if the budget is spent."""
    if root.depth == 0:
        budget.renew("boxes in one container")
    if root.kind not in CONTAINERS:
        return Node(root)
    children: list[Node] = []
    for box in walk(source, root.content_offset, root.end, root.depth + 1):
        budget.take("boxes", 1)
        budget.take("boxes in one container", 1)
        children.append(tree_of(source, box, budget))
    return Node(root, tuple(children))


def mismatch(box: Box) -> str:
    """What the seed says of a box that is not as long as it claims."""
    sizes = f"declared {box.declared_bytes}, actual {box.actual_bytes}"
    return f"Box {printable(box.kind)} size mismatch: {sizes}"


def printable(kind: str) -> str:
    """A type for a message: what is not ASCII is escaped."""
    return ascii(kind)[1:-1]


def content_of(source: Source, box: Box, size_bytes: int, skip: int = 0) -> bytes:
    """At most so much of what is in the box, after `skip` bytes of it; less where it ends before."""
    left = box.end - box.content_offset - skip
    return source.read(box.content_offset + skip, min(size_bytes, left)) if left > 0 else b""


def _box_at(source: Source, at: int, end: int, depth: int) -> Box | None:
    left = end - at
    head = source.read(at, min(32, left)) if left >= 8 else b""
    if len(head) < 8 or not any(head[:8]):
        return None  # the end, QuickTime's terminator in it, or padding
    declared: int
    declared, raw = unpack_from(">I4s", head)
    header_bytes = 8
    if declared == 1:
        header_bytes = 16
        declared = int.from_bytes(head[8:16], "big") if len(head) >= 16 else header_bytes
    elif declared == 0:
        declared = left
    if raw == b"uuid":
        header_bytes += 16
    actual = min(max(declared, header_bytes), left)
    return Box(raw.decode("latin-1"), at, header_bytes, declared, actual, depth)

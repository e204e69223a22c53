"""Colour metadata put back into a movie that lost it: boxes of a sample entry, and all that moves with them.

Promises: no sample is touched; the sizes of all boxes around are corrected, and chunk offsets too where the
samples lie behind the index; a file in which other places would have to move is refused. Serves S4.4.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from struct import pack

from ..codec import require
from .boxes import Budget, Node, tree_of, walk
from .configuration import VISUAL_BYTES, configurations
from .hdr import HdrMetadata
from .movie import Box, Movie
from .source import Source
from .tables import IS_LITTLE

KINDS = ("colr", "mdcv", "clli", "dvcC", "dvvC", "dvwC")
"""What a sample entry says of colour and range; what is written in the samples stays there anyway."""
MOOV_BYTES_MAX = 256 << 20
"""Held in memory, twice: the tables of eight million samples."""
SIZE32_MAX = 2**32 - 1
ABSOLUTE = (b"saio", b"iloc")
"""Boxes of other offsets into the file."""
UNKNOWN_TRACK = 0


@dataclass(frozen=True, slots=True)
class Patch:
    """Of a file: `content` stands in the place of `size_bytes` from `offset` on."""

    offset: int
    size_bytes: int
    content: bytes

    def of(self, content: bytes) -> bytes:
        return content[: self.offset] + self.content + content[self.offset + self.size_bytes :]


def lost_boxes(
    original: Movie, derivative: Movie, hdr: HdrMetadata, lost: tuple[str, ...]
) -> Mapping[int, bytes]:
    """What the picture tracks of a derivative lack of their originals, as boxes, by track id.

    `hdr` is the original's and `lost` what `hdr.losses` named: what only the samples told becomes boxes.
    """
    told = {
        "mdcv": hdr.mastering_display if "masteringDisplay" in lost else b"",
        "clli": hdr.content_light if "contentLightLevel" in lost else b"",
    }
    found: dict[int, bytes] = {}
    for before, after in zip(original.of_kind("vide"), derivative.of_kind("vide"), strict=False):
        had = {each.kind: each.content for each in configurations(before) if each.kind in KINDS}
        has = {each.kind for each in configurations(after)}
        contents = {kind: had.get(kind) or told.get(kind, b"") for kind in KINDS if kind not in has}
        boxes = b"".join(
            pack(">I4s", 8 + len(content), kind.encode()) + content
            for kind, content in contents.items()
            if content
        )
        if boxes:
            found[after.track_id] = boxes
    return found


def reinserted(source: Source, movie: Movie, boxes: Mapping[int, bytes]) -> Patch:
    """The index of a movie with boxes added to first sample entries. Raises FormatError."""
    moov = next((box for box in movie.boxes if box.kind == "moov"), None)
    require(moov is not None and not movie.is_fragmented, "only a movie with one index is put right")
    assert moov is not None
    require(moov.actual_bytes <= MOOV_BYTES_MAX, "the index of the movie is too long")
    index = _Index(source, moov)
    tracks = index.tracks()
    missing = boxes.keys() - tracks.keys()
    require(not missing, "there is no such track")
    index.shift(sum(map(len, boxes.values())))
    for track_id in sorted(boxes, key=lambda each: tracks[each].box.offset, reverse=True):
        index.insert(tracks[track_id], boxes[track_id])
    return Patch(moov.offset, moov.actual_bytes, bytes(index.content))


class _Index:
    """A moov box that is being rewritten, from its end to its beginning: what lies before stays in place."""

    def __init__(self, source: Source, moov: Box) -> None:
        self._source = source
        self._root = tree_of(source, moov, Budget())
        self.content = bytearray(source.read(moov.offset, moov.actual_bytes))

    def tracks(self) -> Mapping[int, Node]:
        return {self._track_id(node): node for node in self._root.all_of("trak")}

    def shift(self, by: int) -> None:
        """Chunks that lie behind the index move with it. Raises FormatError if that cannot be done."""
        end = self._root.box.end
        for box in self._tables():
            width, code = (4, "I") if box.kind == "stco" else (8, "Q")
            start = box.content_offset + 8 - self._root.box.offset
            count = int.from_bytes(self.content[start - 4 : start], "big")
            offsets = array(code, self.content[start : start + count * width])
            _to_big_endian(offsets)
            behind = max(offsets, default=0) >= end
            require(not behind or width == 8 or max(offsets) + by <= SIZE32_MAX, "an offset would not fit")
            others = behind and any(kind in self.content for kind in ABSOLUTE)
            require(not others, "other offsets would have to move")
            moved = array(code, (offset + by if offset >= end else offset for offset in offsets))
            _to_big_endian(moved)
            self.content[start : start + count * width] = moved.tobytes()

    def insert(self, track: Node, boxes: bytes) -> None:
        parents = [self._root.box, track.box]
        for depth in range(1, 4):
            node = track.find(*("mdia", "minf", "stbl")[:depth])
            parents += [node.box] if node is not None else []
        table = track.find("mdia", "minf", "stbl", "stsd")
        require(table is not None, "a track without a sample entry")
        assert table is not None
        entry = next(walk(self._source, table.box.content_offset + 8, table.box.end), None)
        require(entry is not None, "a track without a sample entry")
        assert entry is not None
        at = entry.offset + VISUAL_BYTES
        for inner in walk(self._source, at, entry.end):
            at = inner.end  # QuickTime may end the list with four zeros: what follows them is not seen
        at -= self._root.box.offset
        self.content[at:at] = boxes
        for box in (*parents, table.box, entry):
            self._grow(box, len(boxes))

    def _grow(self, box: Box, by: int) -> None:
        at = box.offset - self._root.box.offset
        size = int.from_bytes(self.content[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(self.content[at + 8 : at + 16], "big")
            self.content[at + 8 : at + 16] = (size + by).to_bytes(8, "big")
        elif size:
            require(size + by <= SIZE32_MAX, "a box would be too long")
            self.content[at : at + 4] = (size + by).to_bytes(4, "big")

    def _tables(self) -> Iterator[Box]:
        found = (track.find("mdia", "minf", "stbl") for track in self._root.all_of("trak"))
        nodes = chain.from_iterable(node.children for node in found if node is not None)
        return (node.box for node in nodes if node.box.kind in {"stco", "co64"})

    def _track_id(self, track: Node) -> int:
        header = track.find("tkhd")
        if header is None:
            return UNKNOWN_TRACK
        content = self._source.read(header.box.content_offset, 24)
        return int.from_bytes(content[20:24] if content[:1] == b"\x01" else content[12:16], "big")


def _to_big_endian(numbers: array[int]) -> None:
    if IS_LITTLE:
        numbers.byteswap()

"""Bytes behind a movie that are none of its boxes: what cameras and taggers append.

Promises: only what cannot be part of the movie is taken for such: the movie is whole without it, and its
bytes make no box. A box of a known type that lies about its size is damage, wherever it is: seed S4.1.
"""

from __future__ import annotations

from .boxes import CONTAINERS, walk
from .movie import Box
from .source import Source

KNOWN = CONTAINERS | {
    *("ftyp", "styp", "mdat", "sidx", "ssix", "free", "skip", "wide", "pnot", "uuid", "junk", "pict", "PICT"),
    *("prfl", "pdin", "udta", "meta", "mfra", "prft", "emsg", "imda", "bloc"),
}
"""Types that lie at the top of real files."""


def without_trailer(source: Source, boxes: tuple[Box, ...]) -> tuple[Box, ...]:
    """The boxes in front of the foreign bytes; all of them if there are none, or if that is not sure."""
    if boxes[-1].declared_bytes == boxes[-1].actual_bytes or not _is_told_by_moov(source, boxes):
        return boxes
    last = max(number for number, box in enumerate(boxes) if box.kind in KNOWN)
    strange = (number for number in range(last + 1, len(boxes)) if _is_none(boxes[number]))
    return boxes[: next(strange, len(boxes))]


def _is_told_by_moov(source: Source, boxes: tuple[Box, ...]) -> bool:
    """Where every sample lies; a movie in fragments may have lost some of them in those bytes."""
    moov = next((box for box in boxes if box.kind == "moov"), None)
    if moov is None or {"mdat", "moof"}.intersection(box.kind for box in boxes) != {"mdat"}:
        return False
    return all(box.kind != "mvex" for box in walk(source, moov.content_offset, moov.end, moov.depth + 1))


def _is_none(box: Box) -> bool:
    is_readable = all(" " <= letter <= "~" or letter == "\xa9" for letter in box.kind)
    return not is_readable or box.declared_bytes != box.actual_bytes

"""What a derivative says of its original's colour and range, and how it is mended if that is less (S4.4).

Promises: only the derivative is written, and of it nothing but the index at its end; what cannot be put back
is told by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from domain.format.errors import FormatError
from domain.format.media.hdr import HdrMetadata, hdr_of, losses
from domain.format.media.movie import Movie
from domain.format.media.reading import read_movie
from domain.format.media.reinserting import lost_boxes, reinserted
from domain.format.media.source import FileSource, Source


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of the metadata, by the names of the seed; nothing is said of what never was in danger."""

    reinserted: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


def keep_hdr(original: Source, derivative: BinaryIO) -> Kept:
    """Put back what the derivative lost, as far as possible. Raises what the original's source raises."""
    before = _look(original)
    if before is None or not before[1].has_hdr:
        return Kept()
    after = _look(FileSource(derivative))
    lost = losses(before[1], after[1] if after is not None else HdrMetadata())
    if after is None or not lost or not _mended(before, after[0], derivative, lost):
        return Kept(lost=lost)
    mended = _look(FileSource(derivative))
    left = losses(before[1], mended[1] if mended is not None else HdrMetadata())
    return Kept(tuple(name for name in lost if name not in left), left)


def _look(source: Source) -> tuple[Movie, HdrMetadata] | None:
    """None for what cannot be read as a movie at all."""
    try:
        movie = read_movie(source)
        return (movie, hdr_of(movie, source)) if movie is not None else None
    except FormatError:
        return None


def _mended(
    before: tuple[Movie, HdrMetadata], after: Movie, derivative: BinaryIO, lost: tuple[str, ...]
) -> bool:
    """Whether anything was put back; a file whose index is not at its end is left alone."""
    boxes = lost_boxes(before[0], after, before[1], lost)
    if not boxes:
        return False
    source = FileSource(derivative)
    try:
        patch = reinserted(source, after, boxes)
    except FormatError:
        return False
    if patch.offset + patch.size_bytes != source.size_bytes:
        return False
    derivative.seek(patch.offset)
    derivative.write(patch.content)
    derivative.flush()
    return True

"""Cutting what a packed file was before it was packed: one pass over the unpacked bytes.

Promises: the same chunks wherever it runs; memory is flat.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..chunking import SKELETON, Cutter, Profile
from ..media.cutting import StreamChunk
from ..media.source import Source
from ..recipe import Recipe, Run, Stream
from .packing import Packing
from .unpacking import Budget, gunzip

PROFILE = SKELETON
"""A save of a project changes a line here and there: the smaller the chunks, the less each costs."""


class UnpackedCutter:
    """Cuts one file. For one thread, once."""

    def __init__(self, source: Source, packing: Packing) -> None:
        self._source = source
        self._packing = packing

    @property
    def profiles(self) -> tuple[Profile, ...]:
        return (PROFILE,)

    def groups(self) -> Iterator[list[StreamChunk]]:
        """Chunks as they are known. Raises what the source raises."""
        cutter = Cutter(PROFILE)
        for piece in gunzip(self._source, Budget()):
            if group := cutter.feed(piece):
                yield [StreamChunk(0, chunk) for chunk in group]
        yield [StreamChunk(0, chunk) for chunk in cutter.finish()]

    def recipe(self, rows: Sequence[bytes | bytearray]) -> Recipe:
        """From the rows of all chunks."""
        (stream,) = (Stream(PROFILE.id, bytes(each)) for each in rows)
        return Recipe((stream,), (Run(0, sum(stream.sizes())),), self._packing)

"""A whole file that was cut blindly while it arrived, cut again by its tracks once it is there.

Promises: the recipe is the one that a client makes of the same file, so both ways share their chunks; what
cannot be cut by tracks keeps the recipe it has; memory is flat; taken up again it stores nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

from domain.errors import FormatError
from domain.format.media.cutting import MediaCutter, StreamChunk, cut_file
from domain.format.media.source import RecipeSource, Source
from domain.format.recipe import ChunkRef, Recipe
from domain.ports import ObjectName, ObjectStore

PART_BYTES = 16 << 20
"""Stored and told at once, as parts of an upload are."""
RECUT_BYTES_MAX = 16 << 30
"""A larger file would keep its sender waiting for minutes; `dits recipes rechunk` is for those."""
Told = Callable[[list[ChunkRef]], None]
"""What is durable now; recorded before anything refers to it."""


def source_of(store: ObjectStore, recipe: Recipe) -> RecipeSource:
    """The file that a recipe rebuilds, verified chunk by chunk (I8)."""
    return RecipeSource(recipe, lambda name: store.get(ObjectName("chunks", name)))


def by_tracks(
    store: ObjectStore, source: Source, tell: Told, *, bytes_max: int = RECUT_BYTES_MAX
) -> Recipe | None:
    """The recipe by tracks, its chunks stored and told; None if the file is not cut so.

    Raises what the store and `tell` raise.
    """
    cutter = cut_file(source) if source.size_bytes <= bytes_max else None
    if cutter is None:
        return None
    rows = [bytearray() for _ in cutter.layout.courses]
    for part in _parts(cutter):
        chunks = [(each.stream, ChunkRef.of(each.content), each.content) for each in part]
        store.put([(ObjectName("chunks", ref.digest), content) for _, ref, content in chunks])
        tell([ref for _, ref, _ in chunks])
        for stream, ref, _ in chunks:
            rows[stream] += ref.row()
    try:
        return cutter.recipe(rows)
    except FormatError:  # more runs or chunks than a recipe holds
        return None


def _parts(cutter: MediaCutter) -> Iterator[list[StreamChunk]]:
    """Each to be stored at once."""
    part, size_bytes = list[StreamChunk](), 0
    for chunk in chain.from_iterable(cutter.groups()):
        part.append(chunk)
        size_bytes += len(chunk.content)
        if size_bytes >= PART_BYTES:
            yield part
            part, size_bytes = [], 0
    if part:
        yield part

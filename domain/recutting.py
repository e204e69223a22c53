"""A file cut by what it is, and kept part by part: one that was cut blindly before, or one that we wrote.

Promises: the recipe is the one that a client makes of the same file, so all ways in share their chunks; what
can only be cut blindly is left to who asked; memory is flat; taken up again it stores nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain

from domain.errors import FormatError
from domain.format.cutters import cutter_for
from domain.format.media.cutting import StreamChunk
from domain.format.media.source import Source
from domain.format.rebuilding import RecipeSource
from domain.format.recipe import ChunkRef, Recipe
from domain.ids import Digest, packed
from domain.ports import ObjectName, ObjectStore
from domain.session.commands import StoreChunks

PART_BYTES = 16 << 20
"""Kept at once, as parts of an upload are; of the smallest chunks 4,096."""
RECUT_BYTES_MAX = 16 << 30
"""A larger file would keep its sender waiting for minutes; `dits recipes rechunk` is for those."""
ANY_BYTES = 1 << 62
"""For where nobody waits, so that no file is too large."""
Fresh = Mapping[Digest, memoryview]
"""The chunks of a part, each once."""
Keep = Callable[[Fresh], None]
"""Makes them durable and records them, before anything refers to them."""


def source_of(store: ObjectStore, recipe: Recipe) -> RecipeSource:
    """The file that a recipe rebuilds, verified chunk by chunk (I8)."""
    return RecipeSource(recipe, lambda name: store.get(ObjectName("chunks", name)))


def recut(source: Source, keep: Keep, *, bytes_max: int) -> Recipe | None:
    """The recipe, its chunks kept; None if the file is to be cut blindly, or has more bytes.

    Raises what the source and `keep` raise.
    """
    cutter = cutter_for(source) if source.size_bytes <= bytes_max else None
    if cutter is None:
        return None
    rows = rows_of(chain.from_iterable(cutter.groups()), len(cutter.profiles), keep)
    try:
        return cutter.recipe(rows)
    except FormatError:  # more runs or chunks than a recipe holds
        return None


def rows_of(chunks: Iterable[StreamChunk], streams: int, keep: Keep) -> list[bytearray]:
    """The rows of each stream, all of whose chunks are kept."""
    rows = [bytearray() for _ in range(streams)]
    for part in _parts(chunks):
        named = [(each, ChunkRef.of(each.content)) for each in part]
        keep({ref.digest: each.content for each, ref in named})
        for each, ref in named:
            rows[each.stream] += ref.row()
    return rows


def stored(store: ObjectStore, fresh: Fresh) -> StoreChunks:
    """What a session is to be told, once they are durable. Raises what the store raises."""
    store.put([(ObjectName("chunks", name), content) for name, content in fresh.items()])
    return StoreChunks(store.location, packed(list(fresh)), tuple(map(len, fresh.values())))


def _parts(chunks: Iterable[StreamChunk]) -> Iterator[list[StreamChunk]]:
    part, size_bytes = list[StreamChunk](), 0
    for chunk in chunks:
        part.append(chunk)
        size_bytes += len(chunk.content)
        if size_bytes >= PART_BYTES:
            yield part
            part, size_bytes = [], 0
    if part:
        yield part

"""A content of ours on its way into an upload session, as a client would send it (house: Sessions).

Promises: cut by its tracks if it is media, else opaque, so it shares its chunks with what clients send; a
chunk is told after it is durable, the recipe after its chunks; sending again stores and tells nothing new
that matters. Memory is flat.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from domain.decider import Context
from domain.errors import FormatError, UnavailableError
from domain.format.chunking import OPAQUE, WIDE, Cutter, Profile
from domain.format.media.cutting import StreamChunk, cut_file
from domain.format.media.source import Source
from domain.format.recipe import ChunkRef, Recipe, Run, Stream
from domain.ids import SessionId, packed
from domain.ports import EventLog, ObjectName, ObjectStore
from domain.session import decider as sessions
from domain.session.commands import SessionCommand, StoreChunks
from domain.session.recording import in_appends, recipe_commands

PART_BYTES = 16 << 20
"""Stored and told at once, as parts of an upload are; of the smallest chunks 4,096."""
BLOCK_BYTES = 1 << 20
WIDE_FROM_BYTES = 128 << 30
"""As for uploads: a recipe names at most 1,048,576 chunks."""


@dataclass(frozen=True, slots=True)
class SessionSender:
    """Sends into one open session."""

    events: EventLog
    store: ObjectStore
    session: SessionId
    context: Context
    stopping: Callable[[], bool]
    """Asked before each part, so that a long file does not hold up a stop."""

    def send(self, source: Source) -> Recipe:
        """Raises what the store raises, UploadExpiredError, SessionClosedError, UnavailableError to stop."""
        recipe = self._by_tracks(source) or self._opaque(source)
        self.store.put([(ObjectName("recipes", recipe.digest), recipe.encode())])
        for group in in_appends(recipe_commands(recipe)):
            self._ask(*group)
        return recipe

    def _by_tracks(self, source: Source) -> Recipe | None:
        cutter = cut_file(source)
        if cutter is None:
            return None
        rows = [bytearray() for _ in cutter.layout.courses]
        self._store(chain.from_iterable(cutter.groups()), rows)
        try:
            return cutter.recipe(rows)
        except FormatError:  # more runs or chunks than a recipe holds
            return None

    def _opaque(self, source: Source) -> Recipe:
        assert source.size_bytes > 0, "a salvaged file holds something"
        profile, rows = OPAQUE if source.size_bytes < WIDE_FROM_BYTES else WIDE, [bytearray()]
        self._store(_cut(source, profile), rows)
        return Recipe((Stream(profile.id, bytes(rows[0])),), (Run(0, source.size_bytes),))

    def _store(self, chunks: Iterable[StreamChunk], rows: list[bytearray]) -> None:
        for part in _parts(chunks):
            if self.stopping():
                raise UnavailableError(dependency="a worker that stops")
            refs = [(each, ChunkRef.of(each.content)) for each in part]
            fresh = {ref.digest: each.content for each, ref in refs}
            self.store.put([(ObjectName("chunks", name), content) for name, content in fresh.items()])
            sizes = tuple(map(len, fresh.values()))
            self._ask(StoreChunks(self.store.location, packed(list(fresh)), sizes))
            for each, ref in refs:
                rows[each.stream] += ref.row()

    def _ask(self, *commands: SessionCommand) -> None:
        asks = (sessions.DECIDER.ask(self.session, command) for command in commands)
        self.events.ask(*asks, context=self.context)


def _cut(source: Source, profile: Profile) -> Iterator[StreamChunk]:
    cutter = Cutter(profile)
    for offset in range(0, source.size_bytes, BLOCK_BYTES):
        for chunk in cutter.feed(source.read(offset, BLOCK_BYTES)):
            yield StreamChunk(0, chunk)
    for chunk in cutter.finish():
        yield StreamChunk(0, chunk)


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

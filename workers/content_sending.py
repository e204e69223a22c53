"""A content of ours on its way into an upload session, as a client would send it (house: Sessions).

Promises: cut by its tracks if it is media, else opaque, so it shares its chunks with what clients send; a
chunk is told after it is durable, the recipe after its chunks; sending again stores and tells nothing new
that matters. Memory is flat.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from domain.decider import Context
from domain.errors import UnavailableError
from domain.format.chunking import Cutter, Profile, profile_for
from domain.format.media.cutting import StreamChunk
from domain.format.media.source import Source
from domain.format.recipe import Recipe, Run, Stream
from domain.ids import SessionId
from domain.ports import EventLog, ObjectName, ObjectStore
from domain.recutting import ANY_BYTES, Fresh, recut, rows_of, stored
from domain.session import decider as sessions
from domain.session.commands import SessionCommand
from domain.session.recording import in_appends, recipe_commands

BLOCK_BYTES = 1 << 20


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
        recipe = recut(source, self._keep, bytes_max=ANY_BYTES) or self._opaque(source)
        self.store.put([(ObjectName("recipes", recipe.digest), recipe.encode())])
        for group in in_appends(recipe_commands(recipe)):
            self._ask(*group)
        return recipe

    def _opaque(self, source: Source) -> Recipe:
        assert source.size_bytes > 0, "a salvaged file holds something"
        profile = profile_for(source.size_bytes)
        (rows,) = rows_of(_cut(source, profile), 1, self._keep)
        return Recipe((Stream(profile.id, bytes(rows)),), (Run(0, source.size_bytes),))

    def _keep(self, fresh: Fresh) -> None:
        if self.stopping():
            raise UnavailableError(dependency="a worker that stops")
        self._ask(stored(self.store, fresh))

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

"""The past as events: the archive of the log, read by position (port Archive).

Promises: whole messages in the log's order, of one repository if one is named, with those of its events that
do not name it; a position that the archive knows otherwise is refused, never read on from (I11).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.errors import InvalidPositionError
from domain.event import Recorded
from domain.ids import RepoId
from domain.ports import Message
from domain.position import Position
from projections import archive
from projections.reading import SNAPSHOT
from projections.transactions import Cursor, Pool, transaction


@dataclass(frozen=True, slots=True)
class Stretch:
    """Events, and how far the log was read for them: there is nothing else up to `reached`."""

    events: Sequence[Recorded]
    reached: Position | None


class Archive(Protocol):
    """Where events are read that are no longer recent."""

    def after(self, repo: RepoId | None, after: Position | None, limit: int) -> Stretch:
        """At most `limit` messages after a position. An end that does not move is that of the archive, which
        may be behind the log's. Raises InvalidPositionError, UnavailableError."""
        ...


@dataclass(frozen=True, slots=True)
class PostgresArchive:
    """The archive that the archivist keeps; `tell` reads a message as events."""

    pool: Pool
    tell: Callable[[Message], Sequence[Recorded]]

    def after(self, repo: RepoId | None, after: Position | None, limit: int) -> Stretch:
        with transaction(self.pool) as cursor:
            cursor.execute(SNAPSHOT)
            end = archive.end(cursor)
            if after is not None:
                _refuse_unless_archived(cursor, after)
            messages = archive.events_after(cursor, after, limit=limit, repo=repo)
        reached = messages[-1].position if len(messages) == limit else _later(after, end)
        return Stretch([recorded for message in messages for recorded in self.tell(message)], reached)


def _refuse_unless_archived(cursor: Cursor, position: Position) -> None:
    """A position beyond the archive's end is not known otherwise."""
    for place in archive.places(cursor, position.sequence - 1, 1):
        if place.position != position:
            raise InvalidPositionError(given=position.encode()[:16])


def _later(after: Position | None, end: Position | None) -> Position | None:
    if after is None or end is None:
        return end if after is None else after
    return end if end.sequence > after.sequence else after

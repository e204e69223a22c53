"""The archivist: copies every message of the log into PostgreSQL, and refuses if the two disagree.

Promises: `event_archive` is a prefix of the log, byte for byte, and is never changed afterwards; when it
starts, what was added since the last audit is compared with the log, and the first message that differs is
named (I11, S1.1's idea for the log); after that, nothing is archived until an operator has looked.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import structlog

from domain.errors import ArchiveMismatchError, LogRegressedError, UnavailableError
from domain.ports import Clock, Feed, Message, Messages
from domain.position import Position
from projections import archive
from projections.archive import Place
from projections.transactions import Pool, transaction
from workers.projector import PAUSE_FIRST_S, PAUSE_MAX_S

WAIT_S = 1.0
AUDIT_MESSAGES = 2_000
"""Archived messages compared at once: at most 1 GiB if all were as large as they can be, 2 MiB usually."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Archivist:
    """The follower that keeps the archive."""

    pool: Pool
    messages: Messages
    feed: Feed
    clock: Clock

    def run(self, stopping: threading.Event) -> None:
        """Audit, then follow, until it stops. Raises ArchiveMismatchError, LogRegressedError."""
        audited, pause_s = False, PAUSE_FIRST_S
        while not stopping.is_set():
            try:
                if not audited:
                    self.audit()
                    audited = True
                if not self.step():
                    self.feed.wait(self.end(), WAIT_S)
                pause_s = PAUSE_FIRST_S
            except UnavailableError as error:
                _log.warning("archivist_paused", code=error.code, reason=error.message, pause_s=pause_s)
                stopping.wait(pause_s)
                pause_s = min(PAUSE_MAX_S, pause_s * 2)

    def step(self) -> int:
        """Archive what the log holds by now. Returns the messages added.

        Raises LogRegressedError if the archive's end is not in the log, UnavailableError.
        """
        added = 0
        for batch in self.messages.messages(self.end()):
            with transaction(self.pool) as cursor:
                archive.alone(cursor)
                here = archive.end(cursor)
                fresh = [message for message in batch if message.position.sequence > _sequence(here)]
                if fresh:
                    archive.keep(cursor, fresh)
            added += len(fresh)
        return added

    def end(self) -> Position | None:
        with transaction(self.pool) as cursor:
            return archive.end(cursor)

    def audit(self, *, whole: bool = False) -> int:
        """Compare archive and log, from the last audit (or the first message) to the archive's end.

        Returns the messages compared. Raises ArchiveMismatchError naming the first that differs.
        """
        with transaction(self.pool) as cursor:
            begin = 0 if whole else archive.audited(cursor)
        compared, after = 0, begin
        messages: Iterator[Message] | None = None
        while places := self._places(after):
            if messages is None:
                messages = chain.from_iterable(self._log_from(begin, places[0]))
            for place in places:
                _compare(place, next(messages, None))
            after, compared = places[-1].position.sequence, compared + len(places)
            with transaction(self.pool) as cursor:
                archive.set_audited(cursor, places[-1].position, self.clock.now())
        return compared

    def _places(self, after: int) -> list[Place]:
        with transaction(self.pool) as cursor:
            return list(archive.places(cursor, after, AUDIT_MESSAGES))

    def _log_from(self, begin: int, first: Place) -> Iterator[list[Message]]:
        """The log from the message before the first place on, so that a changed one there shows too."""
        with transaction(self.pool) as cursor:
            before = list(archive.places(cursor, begin - 1, 1)) if begin else []
        start = before[0].position if before else None
        try:
            for batch in self.messages.messages(start):
                yield list(batch)
        except LogRegressedError as error:
            raise ArchiveMismatchError(sequence=begin or first.position.sequence) from error


def _compare(archived: Place, message: Message | None) -> None:
    same = (
        message is not None
        and message.position == archived.position
        and message.subject == archived.subject
        and message.payload == archived.payload
    )
    if not same:
        raise ArchiveMismatchError(sequence=archived.position.sequence)


def _sequence(position: Position | None) -> int:
    return position.sequence if position is not None else 0

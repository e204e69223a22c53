"""The whole log by position, as facts: what followers, replays and the edge's event stream read.

Promises: whole messages, in order, none skipped; a position that the log no longer holds with its digest is
an error before anything is read beyond it (I11); an event that this version cannot read comes as an
`UnreadableEvent`, so that whoever folds can park it and say which. Serves seed S5.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from domain.errors import MalformedEventError, UnknownTopicError
from domain.event import Envelope, Event, HybridTime, Recorded, UnreadableEvent
from domain.ids import AggregateId
from domain.ports import Message
from domain.position import Position
from infra.eventlog.hybrid_clock import HybridClock
from infra.eventlog.mapper import EventMapper
from infra.eventlog.message import Shard, StoredState, digest, unpack
from infra.eventlog.reader import LogReader, Stored
from infra.eventlog.sentinel import Sentinel

PAGE_MESSAGES_MAX = 1_000
"""What one direct read may ask of the server."""


class Narrator:
    """Tells a stored message as facts."""

    def __init__(self, shard: Shard, incarnation: str, mapper: EventMapper) -> None:
        self._shard = shard
        self._incarnation = incarnation
        self._mapper = mapper

    def position(self, stored: Stored) -> Position:
        return Position(self._incarnation, stored.sequence, digest(stored.subject, stored.payload))

    def archived(self, message: Message) -> tuple[Recorded, ...]:
        """The same for a message as the archive keeps it."""
        return self._facts(
            Stored(message.position.sequence, message.subject, message.payload), message.position
        )

    def facts(self, stored: Stored) -> tuple[Recorded, ...]:
        """None for a guard. Raises LogRegressedError for bytes that are no message."""
        return self._facts(stored, self.position(stored))

    def _facts(self, stored: Stored, position: Position) -> tuple[Recorded, ...]:
        aggregate = self._shard.aggregate_id(stored.subject)
        if aggregate is None:
            return ()
        message = unpack(stored.sequence, stored.payload)
        return tuple(
            Recorded(aggregate, event.version, position, index, *self._read(message.append_id, event))
            for index, event in enumerate(message.events)
        )

    def history(
        self, reader: LogReader, aggregate: AggregateId, after: Position | None
    ) -> Iterator[Recorded]:
        for stored in reader.of_aggregate(str(aggregate), 0 if after is None else after.sequence):
            yield from self.facts(stored)

    def _read(self, append_id: bytes, event: StoredState) -> tuple[Envelope, Event]:
        try:
            return self._mapper.read(event.topic, event.state)
        except (UnknownTopicError, MalformedEventError) as error:
            unreadable = UnreadableEvent(topic=event.topic, code=error.code, reason=error.message)
        try:
            return self._mapper.opened(event.topic, event.state)[0], unreadable
        except MalformedEventError:
            return Envelope(append_id, HybridTime(0), "unknown", append_id.hex()), unreadable


class LogFeed:
    """The port Feed. One follower uses it from one thread; several may have one each."""

    def __init__(self, reader: LogReader, narrator: Narrator, sentinel: Sentinel, clock: HybridClock) -> None:
        self._reader = reader
        self._narrator = narrator
        self._sentinel = sentinel
        self._clock = clock
        self._last: Position | None = None

    def read(self, after: Position | None, limit: int) -> Sequence[Recorded]:
        self._sentinel.permit()
        if after is not None and after != self._last:
            self._sentinel.verify(after)
        sequence = 0 if after is None else after.sequence
        while page := self._reader.by_sequence(sequence, min(limit, PAGE_MESSAGES_MAX)):
            facts = [fact for stored in page for fact in self._narrator.facts(stored)]
            sequence = page[-1].sequence
            if facts:
                self._seen(facts[-1])
                return facts
        return ()

    def wait(self, after: Position | None, timeout_s: float) -> bool:
        return self._reader.wait(0 if after is None else after.sequence, timeout_s)

    def _seen(self, fact: Recorded) -> None:
        self._last = fact.position
        self._clock.observe(fact.envelope.recorded_at)
        self._sentinel.observe(fact.position.sequence, fact.position.digest)

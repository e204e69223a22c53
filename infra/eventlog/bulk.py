"""The log in bulk (port Messages): for the archive, which keeps bytes, and for rebuilds, which want fields.

Promises: it ends at the log's end as it was at the start; a position that the log no longer holds with its
digest is an error before anything is read beyond it (I11); no event is passed over in silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

from domain.errors import LogRegressedError, MalformedEventError, UnknownTopicError
from domain.ports import Message, RawEvent
from domain.position import Position
from infra.eventlog.bulk_reader import RawMessage
from infra.eventlog.mapper import EventMapper, Topics
from infra.eventlog.memory import MemoryReader
from infra.eventlog.message import EventMessage, Shard, StoredState, digest, unpack
from infra.eventlog.reader import LogReader
from infra.eventlog.sentinel import Sentinel
from infra.eventlog.settlement import CORRELATION

BATCH_BYTES_MAX = 32 << 20
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MEMORY_BATCH = 500


class BulkSource(Protocol):
    """Where messages come from in bulk."""

    def read(self, first: int, last: int) -> Iterator[Sequence[RawMessage]]:
        """Messages `first` to `last`, both included, in order."""
        ...


class MemoryBulk:
    """The memory log's messages; it keeps no headers and no time."""

    def __init__(self, reader: MemoryReader) -> None:
        self._reader = reader

    def read(self, first: int, last: int) -> Iterator[Sequence[RawMessage]]:
        for after in range(first - 1, last, MEMORY_BATCH):
            page = self._reader.by_sequence(after, min(MEMORY_BATCH, last - after))
            yield [RawMessage(*stored, headers=b"", stored_at_ns=0) for stored in page]


class LogMessages:
    """Safe for any number of threads; each iteration is a read of its own."""

    def __init__(
        self, source: BulkSource, reader: LogReader, sentinel: Sentinel, *, shard: Shard, topics: Topics
    ) -> None:
        self._source = source
        self._reader = reader
        self._sentinel = sentinel
        self._shard = shard
        self._topics = topics
        self._mapper = EventMapper(topics)

    def messages(self, after: Position | None) -> Iterator[Sequence[Message]]:
        for batch in self._read(after):
            yield from _portions([self._message(raw) for raw in batch])

    def raw_events(
        self, after: Position | None, topics: frozenset[str]
    ) -> Iterator[tuple[Position, Sequence[RawEvent]]]:
        for batch in self._read(after):
            events = [event for raw in batch for event in self._events(raw, topics)]
            yield self._position(batch[-1]), events

    def _read(self, after: Position | None) -> Iterator[Sequence[RawMessage]]:
        if after is not None:
            self._sentinel.verify(after)
        first = 1 if after is None else after.sequence + 1
        return self._source.read(first, self._reader.last_sequence())

    def _position(self, raw: RawMessage) -> Position:
        return Position(self._reader.incarnation, raw.sequence, digest(raw.subject, raw.payload))

    def _events(self, raw: RawMessage, topics: frozenset[str]) -> Iterator[RawEvent]:
        aggregate = self._shard.aggregate(raw.subject)
        if aggregate is None:
            return
        position: Position | None = None
        for index, event in enumerate(unpack(raw.sequence, raw.payload).events):
            topic, fields = self._lifted(event, topics)
            if topic in topics:
                position = position or self._position(raw)
                yield RawEvent(position, aggregate, index, topic, fields)

    def _lifted(self, event: StoredState, topics: frozenset[str]) -> tuple[str, Mapping[str, object]]:
        """The newest form; what nobody asked for stays closed. Raises UnknownTopicError."""
        _, topic, state = event
        if topic in topics:
            return topic, self._mapper.fields(topic, state)
        if topic in self._topics.classes:
            return topic, {}
        topic, fields = self._topics.upcast(topic, self._mapper.fields(topic, state))
        if topic not in self._topics.classes:
            raise UnknownTopicError(topic=topic)
        return topic, fields

    def _message(self, raw: RawMessage) -> Message:
        headers = _headers(raw.headers)
        known = self._known(raw)
        return Message(
            position=self._position(raw),
            subject=raw.subject,
            payload=raw.payload,
            headers=headers,
            stored_at=EPOCH + timedelta(microseconds=raw.stored_at_ns // 1000),
            append_id=b"" if known is None else known.append_id,
            correlation_id=next((value for key, value in headers if key == CORRELATION), ""),
            repo="" if known is None else self._repo(known),
        )

    def _known(self, raw: RawMessage) -> EventMessage | None:
        """None for a guard, and for what this version cannot read: the archive keeps it all the same."""
        if self._shard.aggregate(raw.subject) is None:
            return None
        try:
            return unpack(raw.sequence, raw.payload)
        except (LogRegressedError, UnknownTopicError):
            return None

    def _repo(self, message: EventMessage) -> str:
        """Of the first event: an aggregate's events all name its repository, or none does."""
        try:
            return str(self._mapper.fields(*message.events[0][1:]).get("repo", ""))
        except MalformedEventError:
            return ""


def _headers(raw: bytes) -> tuple[tuple[str, str], ...]:
    """``NATS/1.0`` and one line a header."""
    lines = raw.decode(errors="replace").split("\r\n")[1:]
    pairs = (line.partition(":") for line in lines if line)
    return tuple((key, value.strip()) for key, _, value in pairs)


def _portions(messages: Iterable[Message]) -> Iterator[list[Message]]:
    portion: list[Message] = []
    size_bytes = 0
    for message in messages:
        if portion and size_bytes + len(message.payload) > BATCH_BYTES_MAX:
            yield portion
            portion, size_bytes = [], 0
        portion.append(message)
        size_bytes += len(message.payload)
    if portion:
        yield portion

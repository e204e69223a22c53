"""The library's recorders on JetStream: its tests run on them, the application appends by them (ADR 0031).

Promises: whatever is read was checked to follow what was read before it (I11).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any
from uuid import UUID

from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactory,
    Notification,
    NotSupportedError,
    ProcessRecorder,
    StoredEvent,
    Subscription,
    TrackingRecorder,
)
from eventsourcing.utils import Environment

from domain.errors import LogRegressedError
from domain.position import Position
from infra.eventlog.append import Append, writes_of
from infra.eventlog.appender import Appender, JetStreamLog
from infra.eventlog.message import digest, unpack
from infra.eventlog.places import Place
from infra.eventlog.reader import Chain, Stored

INDEX_BITS = 10
"""A notification id is ``sequence << 10 | index``: a message holds at most 1,000 events."""
APPEND_ID_BYTES = 16


class JetStreamAggregateRecorder(AggregateRecorder):
    """The library's aggregate recorder, and `append`. Safe for any number of threads."""

    def __init__(self, log: JetStreamLog) -> None:
        self._log = log
        self._appender = Appender(log)

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:  # noqa: ARG002
        if stored_events:
            self._insert(stored_events)
        return None

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        aggregate = str(originator_id)
        floor, ceiling = -1 if gt is None else gt, float("inf") if lte is None else lte
        events = self._events_after(aggregate, gt or 0)
        selected = [event for event in events if floor < event.originator_version <= ceiling]
        if desc:
            selected.reverse()
        return selected[:limit]

    def append(self, append: Append) -> tuple[Position, ...]:
        """Positions of the writes, in order. Raises IntegrityError and what `Appender.append` raises."""
        return self._appender.append(append)

    # ---------------------------------------------------------------- reading
    def _events_after(self, aggregate: str, version: int) -> list[StoredEvent]:
        place = self._log.places.get(aggregate, version) if version else None
        chain = Chain() if place is None else Chain(place.digest, version)
        events: list[StoredEvent] = []
        last: Stored | None = None
        for last in self._log.reader.of_aggregate(aggregate, 0 if place is None else place.sequence):
            try:
                message = chain.follow(last)
            except LogRegressedError as error:
                raise self._log.sentinel.note(error) from error
            events.extend(StoredEvent(aggregate, *event) for event in message.events)
        if last is not None and chain.version is not None:
            self._log.places.put(aggregate, chain.version, Place(last.sequence, chain.digest))
            self._log.sentinel.observe(last.sequence, chain.digest)
        return events

    def _insert(self, stored_events: Sequence[StoredEvent]) -> Sequence[int]:
        append_id = self._log.ids.token(APPEND_ID_BYTES)
        writes = writes_of(stored_events)
        positions = self.append(Append(append_id, append_id.hex(), writes))
        if len(writes) == 1:
            first = positions[0].sequence << INDEX_BITS
            return range(first, first + len(stored_events))
        ids = {
            write.aggregate: count(position.sequence << INDEX_BITS)
            for write, position in zip(writes, positions, strict=True)
        }
        return [next(ids[str(stored.originator_id)]) for stored in stored_events]


class JetStreamApplicationRecorder(JetStreamAggregateRecorder, ApplicationRecorder):
    """The library's application recorder over the whole stream."""

    @property
    def recorder(self) -> ApplicationRecorder:
        return self

    def end(self) -> Position | None:
        sequence = self._log.reader.last_sequence()
        last = self._log.reader.at(sequence) if sequence else None
        if last is None:
            return None
        return Position(self._log.reader.incarnation, sequence, digest(last.subject, last.payload))

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:  # noqa: ARG002
        return self._insert(stored_events) if stored_events else None

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        first = max(start or 0, 0) + (0 if inclusive_of_start else 1)
        selected: list[Notification] = []
        after = max((first >> INDEX_BITS) - 1, 0)
        while page := self._log.reader.by_sequence(after, limit):
            for notification in self._notifications(page):
                if stop is not None and notification.id > stop:
                    return selected
                if notification.id >= first and (not topics or notification.topic in topics):
                    selected.append(notification)
                if len(selected) == limit:
                    return selected
            after = page[-1].sequence
        return selected

    def max_notification_id(self) -> int | None:
        last = self._log.reader.at(self._log.reader.last_sequence())
        return None if last is None else self._notifications([last])[-1].id

    def subscribe(
        self,
        gt: int | None = None,  # noqa: ARG002
        topics: Sequence[str] = (),  # noqa: ARG002
    ) -> Subscription[ApplicationRecorder]:
        """Raises NotSupportedError: live followers read by position (`LogFeed`)."""
        raise NotSupportedError("live followers read by position")

    def _notifications(self, page: Sequence[Stored]) -> list[Notification]:
        return [
            Notification(aggregate, *event, id=stored.sequence << INDEX_BITS | index)
            for stored in page
            if (aggregate := self._log.shard.aggregate(stored.subject)) is not None
            for index, event in enumerate(unpack(stored.sequence, stored.payload).events)
        ]


class JetStreamFactory(InfrastructureFactory[TrackingRecorder]):
    """The library's way to the recorders above."""

    def __init__(self, log: JetStreamLog, env: Environment | None = None) -> None:
        super().__init__(env or Environment(env={}))
        self._log = log

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:  # noqa: ARG002
        return JetStreamAggregateRecorder(self._log)

    def application_recorder(self) -> ApplicationRecorder:
        return JetStreamApplicationRecorder(self._log)

    def tracking_recorder(
        self,
        tracking_recorder_class: type[TrackingRecorder] | None = None,  # noqa: ARG002
    ) -> TrackingRecorder:
        """Raises NotSupportedError: positions live with the rows in PostgreSQL."""
        raise NotSupportedError("positions live with the rows in PostgreSQL")

    def process_recorder(self) -> ProcessRecorder:
        """Raises NotSupportedError: positions live with the rows in PostgreSQL."""
        raise NotSupportedError("positions live with the rows in PostgreSQL")

"""The log in memory: the library's POPO recorder, with guards, packed messages and a limit like the real one.

Promises: what the contract suite asks of JetStream holds here too; nothing survives the process. For tests
and for trying the domain out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from threading import Condition
from typing import Any

from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactory,
    IntegrityError,
    NotSupportedError,
    ProcessRecorder,
    StoredEvent,
    TrackingRecorder,
)
from eventsourcing.popo import POPOAggregateRecorder, POPOApplicationRecorder

from domain.errors import LogFullError
from domain.position import Position
from infra.eventlog.append import Append, Guard, Write, writes_of
from infra.eventlog.message import FIRST, Shard, digest, pack, pack_guard, unpack
from infra.eventlog.reader import Stored

MEMORY_INCARNATION = "00" * 8
BYTES_MAX = 1 << 30


class MemoryRecorder(POPOApplicationRecorder):
    """The library's recorder that checks guards, and the messages that JetStream would hold."""

    def __init__(self, shard: Shard | None = None, *, bytes_max: int = BYTES_MAX) -> None:
        super().__init__()
        self.shard = shard or Shard()
        self.bytes_max = bytes_max
        self.messages: list[Stored] = []
        self.of_subject: defaultdict[str, list[int]] = defaultdict(list)
        self.news = Condition(self._database_lock)

    @property
    def recorder(self) -> ApplicationRecorder:
        return self

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:  # noqa: ARG002
        if not stored_events:
            return None
        with self.news:
            before = self.max_notification_id() or 0
            self.append(Append(FIRST[:16], "", writes_of(stored_events)))
            return list(range(before + 1, before + 1 + len(stored_events)))

    def append(self, append: Append) -> tuple[Position, ...]:
        """Raises IntegrityError, EventTooLargeError, LogFullError; then nothing was written."""
        with self.news:
            for guard in append.guards:
                self._check(guard.aggregate, guard.version)
            for write in append.writes:
                self._check(write.aggregate, write.expected)
            packed = [self._guard(append, guard) for guard in append.guards]
            packed += [self._write(append, write) for write in append.writes]
            self._refuse_if_full(packed)
            positions = [self._store(subject, payload) for subject, payload in packed]
            self._update_table(
                [StoredEvent(write.aggregate, *event) for write in append.writes for event in write.events]
            )
            self.news.notify_all()
        self._notify_listeners()
        return tuple(positions[len(append.guards) :])

    def end(self) -> Position | None:
        with self.news:
            return self._position(self.messages[-1]) if self.messages else None

    def _check(self, aggregate: str, version: int) -> None:
        sequences = self.of_subject[self.shard.subject(aggregate)]
        stands_at = 0
        if sequences:
            last = self.messages[sequences[-1] - 1]
            stands_at = unpack(last.sequence, last.payload).events[-1].version
        if stands_at != version or (version == 0 and sequences):
            raise IntegrityError(f"{aggregate} does not stand at version {version}")

    def _guard(self, append: Append, guard: Guard) -> tuple[str, bytes]:
        return self.shard.guard_subject, pack_guard(append.id, guard.aggregate, guard.version)

    def _write(self, append: Append, write: Write) -> tuple[str, bytes]:
        subject = self.shard.subject(write.aggregate)
        sequences = self.of_subject[subject]
        last = self.messages[sequences[-1] - 1] if sequences else None
        previous = FIRST if last is None else digest(last.subject, last.payload)
        return subject, pack(append.id, previous, write.events)

    def _refuse_if_full(self, packed: list[tuple[str, bytes]]) -> None:
        held = sum(len(stored.payload) for stored in self.messages)
        if held + sum(len(payload) for _, payload in packed) > self.bytes_max:
            raise LogFullError(limit_bytes=self.bytes_max)

    def _store(self, subject: str, payload: bytes) -> Position:
        stored = Stored(len(self.messages) + 1, subject, payload)
        self.messages.append(stored)
        self.of_subject[subject].append(stored.sequence)
        return self._position(stored)

    def _position(self, stored: Stored) -> Position:
        return Position(MEMORY_INCARNATION, stored.sequence, digest(stored.subject, stored.payload))


class MemoryReader:
    """Reads what a memory recorder holds."""

    def __init__(self, recorder: MemoryRecorder) -> None:
        self._recorder = recorder

    @property
    def incarnation(self) -> str:
        return MEMORY_INCARNATION

    def current_incarnation(self) -> str:
        return MEMORY_INCARNATION

    def last_sequence(self) -> int:
        return len(self._recorder.messages)

    def at(self, sequence: int) -> Stored | None:
        messages = self._recorder.messages
        return messages[sequence - 1] if 0 < sequence <= len(messages) else None

    def by_sequence(self, after: int, limit: int) -> Sequence[Stored]:
        return self._recorder.messages[after : after + limit]

    def of_aggregate(self, aggregate: str, after: int = 0) -> Iterator[Stored]:
        with self._recorder.news:
            sequences = tuple(self._recorder.of_subject[self._recorder.shard.subject(aggregate)])
        return (self._recorder.messages[sequence - 1] for sequence in sequences if sequence > after)

    def wait(self, after: int, timeout_s: float) -> bool:
        with self._recorder.news:
            return self._recorder.news.wait_for(lambda: self.last_sequence() > after, timeout_s)


class MemoryFactory(InfrastructureFactory[TrackingRecorder]):
    """The library's way to the recorder above."""

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:  # noqa: ARG002
        return POPOAggregateRecorder()

    def application_recorder(self) -> ApplicationRecorder:
        return MemoryRecorder()

    def tracking_recorder(
        self,
        tracking_recorder_class: type[TrackingRecorder] | None = None,  # noqa: ARG002
    ) -> TrackingRecorder:
        """Raises NotSupportedError: positions live with the rows in PostgreSQL."""
        raise NotSupportedError("positions live with the rows in PostgreSQL")

    def process_recorder(self) -> ProcessRecorder:
        """Raises NotSupportedError: positions live with the rows in PostgreSQL."""
        raise NotSupportedError("positions live with the rows in PostgreSQL")

"""How an append lands on JetStream: composed once, sent until it is answered, never judged by a read alone.

Promises: it lands wholly or not at all, at most once; a lost race is an IntegrityError; an unknown outcome is
settled by sending the same append again, or raised as OutcomeUnknownError. Guards come first and writes last
in a batch, so the log always ends in an event. Serves I1, I6, I7 and seed S1.1.
"""

from __future__ import annotations

from dataclasses import dataclass

from eventsourcing.persistence import IntegrityError

from domain.errors import LogFullError, OutcomeUnknownError, UnavailableError
from domain.ports import Ids
from domain.position import Position
from infra.eventlog.append import Append, Guard, Write
from infra.eventlog.connection import DEPENDENCY, LineBrokenError
from infra.eventlog.jetstream_api import JetStreamApi
from infra.eventlog.jetstream_reader import JetStreamReader
from infra.eventlog.message import Shard, append_id_of, digest, pack, pack_guard, unpack
from infra.eventlog.places import NOWHERE, Place, Places
from infra.eventlog.reader import Stored
from infra.eventlog.sentinel import Sentinel
from infra.eventlog.settlement import Expectation, Verdict, judge, outgoing
from infra.eventlog.stream import log_use

BUSY_WAIT_S = 0.01


@dataclass(frozen=True, slots=True)
class JetStreamLog:
    """What recorders, feed and application of one process share."""

    api: JetStreamApi
    shard: Shard
    reader: JetStreamReader
    sentinel: Sentinel
    places: Places
    ids: Ids


class Appender:
    """Safe for any number of threads."""

    def __init__(self, log: JetStreamLog) -> None:
        self._log = log

    def append(self, append: Append) -> tuple[Position, ...]:
        """Positions of the writes, in order. Raises IntegrityError, EventTooLargeError, LogFullError,
        LogRegressedError, UnavailableError (nothing landed), OutcomeUnknownError."""
        messages = self._composed(append)
        last = self._settled(append, messages)
        written = messages[len(append.guards) :]
        return tuple(
            self._landed(write, message, last - len(written) + number)
            for number, (write, message) in enumerate(zip(append.writes, written, strict=True), start=1)
        )

    # ---------------------------------------------------------------- composing
    def _composed(self, append: Append) -> tuple[Expectation, ...]:
        guards = tuple(self._guard_message(append, guard) for guard in append.guards)
        return guards + tuple(self._write_message(append, write) for write in append.writes)

    def _guard_message(self, append: Append, guard: Guard) -> Expectation:
        shard = self._log.shard
        payload = pack_guard(append.id, guard.aggregate, guard.version)
        sequence = self._place(guard.aggregate, guard.version).sequence
        return Expectation(shard.guard_subject, payload, sequence, shard.subject(guard.aggregate))

    def _write_message(self, append: Append, write: Write) -> Expectation:
        place = self._place(write.aggregate, write.expected)
        payload = pack(append.id, place.digest, write.events)
        return Expectation(self._log.shard.subject(write.aggregate), payload, place.sequence)

    def _place(self, aggregate: str, version: int) -> Place:
        """Raises IntegrityError if the aggregate does not stand at this version."""
        if version == 0:
            return NOWHERE
        known = self._log.places.get(aggregate, version)
        if known is not None:
            return known
        last = self._log.reader.last_of(aggregate)
        if last is None or unpack(last.sequence, last.payload).events[-1].version != version:
            raise IntegrityError(f"{aggregate} does not stand at version {version}")
        return self._remember(aggregate, version, last)

    def _remember(self, aggregate: str, version: int, stored: Stored) -> Place:
        place = Place(stored.sequence, digest(stored.subject, stored.payload))
        self._log.places.put(aggregate, version, place)
        self._log.sentinel.observe(*place)
        return place

    # ---------------------------------------------------------------- settling
    def _settled(self, append: Append, messages: tuple[Expectation, ...]) -> int:
        """Send until it is answered; the sequence of the last message."""
        clock, patience = self._log.api.clock, self._log.api.patience
        deadline_ms = clock.monotonic_ms() + round(patience.append_s * 1000)
        unknown = False
        attempt = 0
        while True:
            attempt += 1
            left_s = (deadline_ms - clock.monotonic_ms()) / 1000
            if left_s <= 0:
                raise (OutcomeUnknownError if unknown else UnavailableError)(dependency=DEPENDENCY)
            try:
                verdict, sequence = self._sent(append, messages, attempt, min(patience.answer_s, left_s))
            except LineBrokenError:
                unknown = True
            except UnavailableError:
                clock.sleep(BUSY_WAIT_S)
            else:
                if verdict is Verdict.CONFLICT:
                    sequence = self._found(append, messages)
                elif verdict is Verdict.FULL and not unknown:
                    raise LogFullError(limit_bytes=log_use(self._log.api, self._log.shard).limit_bytes)
                if sequence:
                    return sequence
                clock.sleep(BUSY_WAIT_S)

    def _sent(
        self, append: Append, messages: tuple[Expectation, ...], attempt: int, timeout_s: float
    ) -> tuple[Verdict, int]:
        connection = self._log.api.connection
        if not connection.wait_until_up(timeout_s):
            raise UnavailableError(dependency=DEPENDENCY)
        epoch = self._log.sentinel.permit()
        sent = outgoing(append, messages, attempt)
        return judge(connection.collect(sent, timeout_s=timeout_s, epoch=epoch)[-1])

    def _found(self, append: Append, messages: tuple[Expectation, ...]) -> int:
        """After a conflict: the sequence of the append's last message if it had landed before; 0 if nothing
        explains the conflict (an earlier copy is still under way). Raises IntegrityError for a real one.

        Guards are read first: whatever landed before a guard moved can be seen by the reads that follow.
        """
        next_of = self._log.reader.next_of
        guards, writes = messages[: len(append.guards)], messages[len(append.guards) :]
        moved = [next_of(guard.aggregate, m.sequence) for guard, m in zip(append.guards, guards, strict=True)]
        for number, (write, message) in enumerate(zip(append.writes, writes, strict=True), start=1):
            theirs = next_of(write.aggregate, message.sequence)
            if theirs is not None:
                if append_id_of(theirs.sequence, theirs.payload) == append.id:
                    return theirs.sequence + len(append.writes) - number
                raise IntegrityError(f"{write.aggregate} moved")
        if any(moved):
            raise IntegrityError("a guarded aggregate moved")
        return 0

    def _landed(self, write: Write, message: Expectation, sequence: int) -> Position:
        stored = Stored(sequence, message.subject, message.payload)
        place = self._remember(write.aggregate, write.events[-1].version, stored)
        return Position(self._log.reader.incarnation, sequence, place.digest)

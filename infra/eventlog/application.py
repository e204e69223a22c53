"""The command side (port EventLog): the library's application with our repository of folds (ADR 0031).

Promises: an `ask` appends all its events and checks all its guards in one step or not at all; a key that was
answered before is answered from its events, also after a crash at any point (I6); a lost race is decided anew
on what won it. Serves seeds S3.5 and S7.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any, TypeVar, cast

from eventsourcing.application import Application, ProjectorFunction, Repository
from eventsourcing.persistence import (
    ApplicationRecorder,
    EventStore,
    InfrastructureFactory,
    IntegrityError,
    Mapper,
    TrackingRecorder,
)
from eventsourcing.utils import Environment, EnvType

from domain.decider import AnyDecider, Ask, Context, Decider, Loaded, Outcome
from domain.errors import ConcurrencyConflictError, DitsError, UnavailableError
from domain.event import Envelope, Event, Recorded
from domain.idempotency import Keyring, KeyUse
from domain.ids import AggregateId
from domain.ports import Ids
from domain.position import Position
from infra.eventlog.append import Append, Guard, GuardedRecorder, Write
from infra.eventlog.bulk import BulkSource
from infra.eventlog.feed import Narrator
from infra.eventlog.fold import Fold, Folds
from infra.eventlog.hybrid_clock import HybridClock
from infra.eventlog.mapper import EventMapper, Fact
from infra.eventlog.message import FIRST, Shard, StoredState, append_id_of
from infra.eventlog.reader import LogReader, Stored
from infra.eventlog.sentinel import Sentinel
from infra.eventlog.snapshots import Shelf, Snapshot, SnapshotStore

S = TypeVar("S")
C = TypeVar("C")
E = TypeVar("E", bound=Event)

DECISIONS_MAX = 4
"""A decision that lost its race is made anew three times."""
APPEND_ID_BYTES = 16
FOLDS_MAX = 2_000
"""Aggregates kept folded; the others are read again when they are asked."""
APPEND_MESSAGES_MAX = 1_000
"""Of one atomic batch; the server's limit."""


@dataclass(slots=True)
class Asked:
    """One aggregate of an `ask`: where it stood, and what was decided about it so far."""

    decider: AnyDecider
    fold: Fold
    state: object
    events: list[Event]


@dataclass(frozen=True, slots=True)
class Parts:
    """What differs between JetStream and memory."""

    shard: Shard
    recorder: GuardedRecorder
    reader: LogReader
    sentinel: Sentinel
    bulk: BulkSource
    shelf: Shelf
    factory: InfrastructureFactory[TrackingRecorder]


class LogApplication(Application[str]):
    """Safe for any number of threads."""

    def __init__(
        self, parts: Parts, mapper: EventMapper, *, narrator: Narrator, hybrid_clock: HybridClock, ids: Ids
    ) -> None:
        self._factory = parts.factory
        self._guarded = parts.recorder
        self._reader = parts.reader
        self._sentinel = parts.sentinel
        self._mapper = mapper
        self._narrator = narrator
        self._snapshots = SnapshotStore(mapper, parts.recorder.recorder, parts.shelf)
        self._ids = ids
        self._hybrid_clock = hybrid_clock
        super().__init__()

    # ---------------------------------------------------------------- the port
    def load(self, decider: Decider[S, C, E], id: str) -> Loaded[S]:  # noqa: A002
        fold = self.fold(cast("AnyDecider", decider), decider.at(id))
        return Loaded(cast("S", fold.state), fold.version)

    def ask(self, *asks: Ask, context: Context) -> Outcome:
        """First on the folds as they are held, without a read: what is appended is checked by its append. Any
        other outcome (a refusal, nothing to append, a lost race) is decided anew on what the log says."""
        self._sentinel.permit()
        outcome = self._ask_at_once(asks, context)
        for _ in range(DECISIONS_MAX):
            if outcome is not None:
                return outcome
            outcome = self._ask_once(asks, context)
        if outcome is None:
            raise ConcurrencyConflictError(aggregate=str(asks[0].aggregate))
        return outcome

    def history(self, aggregate: AggregateId, after: Position | None = None) -> Iterator[Recorded]:
        return self._narrator.history(self._reader, aggregate, after)

    def end(self) -> Position | None:
        return self._guarded.end()

    # ---------------------------------------------------------------- asking
    def _ask_at_once(self, asks: tuple[Ask, ...], context: Context) -> Outcome | None:
        asked = _opened(asks, self._folds.held)
        if asked is None:
            return None
        try:
            if _known_use(asked, context) is not None:
                return None
            _decide(asks, asked)
        except DitsError:
            return None  # A refusal must not rest on a fold that may be old.
        return self._append(asked, context) if _decided_something(asked) else None

    def _ask_once(self, asks: tuple[Ask, ...], context: Context) -> Outcome | None:
        """None if somebody else was faster."""
        asked = _opened(asks, self.fold)
        assert asked is not None
        known = _known_use(asked, context)
        if known is not None:
            return self._replayed(*known)
        _decide(asks, asked)
        if not _decided_something(asked):
            return Outcome((), self.end() or self._beginning())
        return self._append(asked, context)

    def _append(self, asked: dict[AggregateId, Asked], context: Context) -> Outcome | None:
        assert len(asked) <= APPEND_MESSAGES_MAX, len(asked)
        now = self._hybrid_clock.now()
        append_id = self._ids.token(APPEND_ID_BYTES)
        envelope = Envelope(
            append_id, now, context.actor, context.correlation_id, context.causation, context.idempotency
        )
        written = {aggregate: one for aggregate, one in asked.items() if one.events}
        if context.idempotency is not None:
            for one in written.values():
                one.fold.keyring.refuse_if_full(now)
        facts = {
            aggregate: [
                Fact(str(aggregate), number, envelope, event)
                for number, event in enumerate(one.events, start=one.fold.version + 1)
            ]
            for aggregate, one in written.items()
        }
        writes = tuple(self._write(facts[aggregate], one.fold.version) for aggregate, one in written.items())
        guards = tuple(
            Guard(str(aggregate), one.fold.version) for aggregate, one in asked.items() if not one.events
        )
        try:
            positions = self._guarded.append(Append(append_id, context.correlation_id, writes, guards))
        except IntegrityError:
            return None
        for aggregate, one in written.items():
            self._folds.take(one.decider, one.fold.version, facts[aggregate])
        events = tuple(
            Recorded(aggregate, one.fold.version + 1 + index, position, index, envelope, event)
            for (aggregate, one), position in zip(written.items(), positions, strict=True)
            for index, event in enumerate(one.events)
        )
        return Outcome(events, positions[-1])

    def _write(self, facts: Sequence[Fact], version: int) -> Write:
        stored = [self._mapper.to_stored_event(fact) for fact in facts]
        states = tuple(StoredState(event.originator_version, event.topic, event.state) for event in stored)
        return Write(facts[0].originator_id, version, states)

    # ---------------------------------------------------------------- answering from the log
    def _replayed(self, aggregate: AggregateId, use: KeyUse) -> Outcome:
        first = next(fact for fact in self.history(aggregate) if fact.version == use.first)
        messages = self._append_around(first.position.sequence, first.envelope.append_id)
        events = tuple(fact for stored in messages for fact in self._narrator.facts(stored))
        return Outcome(events, events[-1].position, replayed=True)

    def _append_around(self, sequence: int, append_id: bytes) -> list[Stored]:
        """An append's messages stand side by side, because a batch lands in one step."""
        before = self._while_of(append_id, count(sequence - 1, -1))
        return [*reversed(list(before)), *self._while_of(append_id, count(sequence))]

    def _while_of(self, append_id: bytes, sequences: Iterable[int]) -> Iterator[Stored]:
        for sequence in sequences:
            stored = self._reader.at(sequence) if sequence > 0 else None
            if stored is None or append_id_of(sequence, stored.payload) != append_id:
                return
            yield stored

    def _beginning(self) -> Position:
        return Position(self._reader.incarnation, 0, FIRST)

    # ---------------------------------------------------------------- what the library builds us from
    def construct_env(self, name: str, env: EnvType | None = None) -> Environment:
        """Nothing from the process's environment: what we need is handed in."""
        return Environment(name, dict(env or {}))

    def construct_factory(self, env: Environment) -> InfrastructureFactory[TrackingRecorder]:  # noqa: ARG002
        return self._factory

    def construct_mapper(self) -> Mapper[str]:
        return self._mapper

    def construct_recorder(self) -> ApplicationRecorder:
        return self._guarded.recorder

    def construct_event_store(self) -> EventStore[str]:
        return EventStore(self._mapper, self._guarded.recorder)

    def construct_repository(self) -> Repository[str]:
        self._folds = Folds(self.events, self._snapshots, maxsize=FOLDS_MAX)
        return self._folds

    def fold(self, decider: AnyDecider, aggregate: AggregateId) -> Fold:
        """State, version and keyring, as far as the log goes. A long way is shortened for the next time."""
        self._snapshots.meet(decider)
        projector = cast("ProjectorFunction[Any, Any]", partial(_project, decider, self._hybrid_clock))
        name = str(aggregate)
        fold = cast("Fold", self.repository.get(name, projector_func=projector))
        if self._snapshots.is_due(name, fold.version):
            # A snapshot that could not be kept costs time at the next start, nothing else.
            with suppress(UnavailableError):
                self._snapshots.put([Snapshot(name, fold.version, fold.state, fold.keyring)])
        return fold


def _project(
    decider: AnyDecider, clock: HybridClock, fold: Fold | None, told: Iterable[Fact | Snapshot]
) -> Fold:
    """The library's projector function: never None, because an aggregate without events has a state too."""
    fold = fold or Fold(0, decider.initial, Keyring())
    fold.advance(decider, told, clock.observe)
    return fold


def _opened(
    asks: tuple[Ask, ...], fold_of: Callable[[AnyDecider, AggregateId], Fold | None]
) -> dict[AggregateId, Asked] | None:
    """Every aggregate that is asked, once; None if one of them has no fold."""
    asked: dict[AggregateId, Asked] = {}
    for ask in asks:
        if ask.aggregate not in asked:
            fold = fold_of(ask.decider, ask.aggregate)
            if fold is None:
                return None
            asked[ask.aggregate] = Asked(ask.decider, fold, fold.state, [])
    return asked


def _known_use(asked: dict[AggregateId, Asked], context: Context) -> tuple[AggregateId, KeyUse] | None:
    """Where this key was used before: in the first ask's aggregate, or another if that one was only guarded.

    Raises IdempotencyKeyReusedError.
    """
    if context.idempotency is None:
        return None
    for aggregate, one in asked.items():
        use = one.fold.keyring.find(context.actor, context.idempotency)
        if use is not None:
            return aggregate, use
    return None


def _decide(asks: tuple[Ask, ...], asked: dict[AggregateId, Asked]) -> None:
    """A later ask to the same aggregate is decided on what the earlier one made of it."""
    for ask in asks:
        one = asked[ask.aggregate]
        for event in ask.decide(one.state):
            one.state = ask.decider.evolve(one.state, event)
            one.events.append(event)


def _decided_something(asked: dict[AggregateId, Asked]) -> bool:
    return any(one.events for one in asked.values())

"""A log written by hand: any event in any order, as the ports Feed, Messages and EventLog tell it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TypeVar

from blake3 import blake3

from domain.catalogue import decider_of
from domain.decider import Ask, Context, Decider, Loaded, Outcome
from domain.errors import LogRegressedError
from domain.event import Envelope, Event, HybridTime, Recorded
from domain.ids import AggregateId
from domain.ports import Message, RawEvent
from domain.position import Position
from projections.folding import recorded_at

S = TypeVar("S")
C = TypeVar("C")
E = TypeVar("E", bound=Event)

INCARNATION = "00" * 8
START_MS = 1_795_000_000_000
OPERATOR = Context("system:test", "correlation")


def position(sequence: int) -> Position:
    return Position(INCARNATION, sequence, blake3(sequence.to_bytes(8, "big")).digest())


class HandmadeLog:
    """Messages as they were recorded; nothing is decided but what operators ask."""

    def __init__(self) -> None:
        self.recorded: list[Recorded] = []
        self._versions: dict[AggregateId, int] = {}

    def record(self, aggregate: AggregateId | str, *events: Event) -> Position:
        """One message."""
        name = AggregateId.parse(aggregate) if isinstance(aggregate, str) else aggregate
        sequence = self.recorded[-1].position.sequence + 1 if self.recorded else 1
        time = HybridTime((START_MS + sequence) << 16)
        for index, event in enumerate(events):
            self._versions[name] = self._versions.get(name, 0) + 1
            envelope = Envelope(sequence.to_bytes(16, "big"), time, "consumer", "correlation")
            place = position(sequence)
            self.recorded.append(Recorded(name, self._versions[name], place, index, envelope, event))
        return position(sequence)

    # -------------------------------------------------------------- Feed
    def read(self, after: Position | None, limit: int) -> Sequence[Recorded]:
        rest = self._after(after)
        last = rest[0].position.sequence + limit - 1 if rest else 0
        return [recorded for recorded in rest if recorded.position.sequence <= last]

    def wait(self, after: Position | None, timeout_s: float) -> bool:
        return bool(self._after(after))

    # -------------------------------------------------------------- Messages
    def messages(self, after: Position | None) -> Iterator[Sequence[Message]]:
        for place, events in groupby(self._after(after), lambda recorded: recorded.position):
            yield [_message(place, list(events))]

    def raw_events(
        self, after: Position | None, topics: frozenset[str]
    ) -> Iterator[tuple[Position, Sequence[RawEvent]]]:
        for place, events in groupby(self._after(after), lambda recorded: recorded.position):
            yield place, [_raw(recorded) for recorded in events if recorded.event.TOPIC in topics]

    # -------------------------------------------------------------- EventLog
    def load(self, decider: Decider[S, C, E], id: str) -> Loaded[S]:  # noqa: A002
        state, version = decider.initial, 0
        for recorded in self.history(decider.at(id)):
            assert isinstance(recorded.event, decider.events)
            state, version = decider.evolve(state, recorded.event), recorded.version
        return Loaded(state, version)

    def ask(self, *asks: Ask, context: Context = OPERATOR) -> Outcome:
        for asked in asks:
            state = self.load(decider_of(asked.aggregate.family), asked.aggregate.id).state
            self.record(asked.aggregate, *asked.decide(state))
        end = self.end()
        assert end is not None
        return Outcome((), end)

    def history(self, aggregate: AggregateId, after: Position | None = None) -> Iterator[Recorded]:
        return (r for r in self._after(after) if r.aggregate == aggregate)

    def end(self) -> Position | None:
        return self.recorded[-1].position if self.recorded else None

    def _after(self, after: Position | None) -> list[Recorded]:
        if after is not None and after != position(after.sequence):
            raise LogRegressedError(sequence=after.sequence)
        sequence = 0 if after is None else after.sequence
        return [recorded for recorded in self.recorded if recorded.position.sequence > sequence]


def _message(place: Position, events: list[Recorded]) -> Message:
    first = events[0]
    return Message(
        position=place,
        subject=f"dits.evt.0.{first.aggregate}",
        payload=repr([recorded.event for recorded in events]).encode(),
        headers=(("Dits-Test", "yes"),),
        stored_at=recorded_at(first),
        append_id=first.envelope.append_id,
        correlation_id=first.envelope.correlation_id,
        repo=next((str(r.event.repo) for r in events if hasattr(r.event, "repo")), ""),
    )


def _raw(recorded: Recorded) -> RawEvent:
    event = recorded.event
    fields = event.model_dump()
    return RawEvent(recorded.position, str(recorded.aggregate), recorded.index, event.TOPIC, fields)

"""What operators decided about a projection's poison events: skip one, or try its stream again.

Promises: a skip names projection, position and reason and is in the log, so a rebuild skips it too (I5).
The aggregate's id is the projection's name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, assert_never, get_args

from domain.decider import Decider
from domain.event import Event, Producer


class ProjectionEventSkipped(Event):
    """This projection passes over this event, now and in every rebuild."""

    TOPIC: ClassVar[str] = "readmodel.event_skipped.v1"
    PRODUCER: ClassVar[Producer] = "operator"
    projection: str
    aggregate: str
    sequence: int
    index: int
    reason: str


class ProjectionStreamRetried(Event):
    """This projection applies the parked events of this aggregate again, in order."""

    TOPIC: ClassVar[str] = "readmodel.stream_retried.v1"
    PRODUCER: ClassVar[Producer] = "operator"
    projection: str
    aggregate: str
    reason: str


ReadmodelEvent = ProjectionEventSkipped | ProjectionStreamRetried


@dataclass(frozen=True, slots=True)
class SkipEvent:
    projection: str
    aggregate: str
    sequence: int
    index: int
    reason: str


@dataclass(frozen=True, slots=True)
class RetryStream:
    projection: str
    aggregate: str
    reason: str


ReadmodelCommand = SkipEvent | RetryStream


@dataclass(frozen=True, slots=True)
class Readmodel:
    skipped: frozenset[tuple[int, int]] = frozenset()
    """(sequence, index) of every event that is passed over."""


def decide(state: Readmodel, command: ReadmodelCommand) -> tuple[ReadmodelEvent, ...]:
    match command:
        case SkipEvent(projection, aggregate, sequence, index, reason):
            skip = ProjectionEventSkipped(
                projection=projection, aggregate=aggregate, sequence=sequence, index=index, reason=reason
            )
            return () if (sequence, index) in state.skipped else (skip,)
        case RetryStream(projection, aggregate, reason):
            return (ProjectionStreamRetried(projection=projection, aggregate=aggregate, reason=reason),)
        case _:
            assert_never(command)


def evolve(state: Readmodel, event: ReadmodelEvent) -> Readmodel:
    match event:
        case ProjectionEventSkipped():
            return Readmodel(state.skipped | {(event.sequence, event.index)})
        case ProjectionStreamRetried():
            return state
        case _:
            assert_never(event)


DECIDER = Decider("readmodel", Readmodel(), decide, evolve, get_args(ReadmodelEvent))

"""Two small aggregates for the log's own tests: a tally that grows, and a door that lets it grow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from domain.decider import Context, Decider
from domain.errors import ForbiddenError
from domain.event import Event, IdempotencyKey, Producer
from infra.eventlog.mapper import Topics


class TallyRaised(Event):
    """A tally was raised."""

    TOPIC: ClassVar[str] = "tally.raised.v1"
    PRODUCER: ClassVar[Producer] = "client"

    by: int
    note: bytes = b""


class Mark(Event):
    """Nested, with every kind of field a stored event may have."""

    TOPIC: ClassVar[str] = "mark.v1"
    PRODUCER: ClassVar[Producer] = "client"

    at: datetime
    words: tuple[str, ...]
    raised: tuple[TallyRaised, ...]
    maybe: int | None


class DoorClosed(Event):
    """A door was closed."""

    TOPIC: ClassVar[str] = "door.closed.v1"
    PRODUCER: ClassVar[Producer] = "client"


@dataclass(frozen=True, slots=True)
class Raise:
    by: int = 1
    note: bytes = b""
    times: int = 1


@dataclass(frozen=True, slots=True)
class Close:
    """Close the door."""


@dataclass(frozen=True, slots=True)
class PassThrough:
    """Answers with no event, so the door is guarded."""


def _raise(state: int, command: Raise) -> tuple[TallyRaised, ...]:
    if command.by == 0:
        return ()
    return (TallyRaised(by=command.by, note=command.note),) * command.times


def _raised(state: int, event: TallyRaised) -> int:
    return state + event.by


def _at_door(state: bool, command: Close | PassThrough) -> tuple[DoorClosed, ...]:
    if state:
        raise ForbiddenError(scope="door")
    return (DoorClosed(),) if isinstance(command, Close) else ()


def _closed(state: bool, event: DoorClosed) -> bool:
    return True


TALLY: Decider[int, Raise, TallyRaised] = Decider("tally", 0, _raise, _raised, (TallyRaised,))
DOOR: Decider[bool, Close | PassThrough, DoorClosed] = Decider(
    "door", False, _at_door, _closed, (DoorClosed,)
)
TOPICS = Topics({event.TOPIC: event for event in (TallyRaised, DoorClosed, Mark)})
CONTEXT = Context("anna", "correlation-1")


def keyed(key: str, body: bytes = b"body", actor: str = "anna") -> Context:
    return Context(actor, f"correlation-{key}", idempotency=IdempotencyKey("raise", key, body))

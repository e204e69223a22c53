"""What a fact is: an event, the envelope it was recorded in, and where it stands.

Promises: events are frozen, closed (no unknown field, no open dict) and carry an explicit topic with a
version. A published schema never changes; a change is a v2 and an upcaster (`catalogue`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, NewType

from pydantic import BaseModel, ConfigDict

from domain.ids import AggregateId
from domain.position import Position

HybridTime = NewType("HybridTime", int)
"""Hybrid logical time: Unix milliseconds << 16 | counter. Never goes back within a log (seed S7.5)."""

Producer = Literal[
    "client",
    "gateway",
    "saga runner",
    "lease watcher",
    "session watcher",
    "media worker",
    "operator",
    "start-up",
]


class Event(BaseModel):
    """The base of every fact. Subclasses set TOPIC and PRODUCER; the docstring is the meaning."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, ser_json_bytes="hex", val_json_bytes="hex"
    )

    TOPIC: ClassVar[str]
    PRODUCER: ClassVar[Producer]


class UnreadableEvent(Event):
    """Stands in a feed for an event that this version cannot read: it is in no catalogue and never stored.

    Whoever folds parks it, with its stream's later events; nobody passes over it in silence.
    """

    TOPIC: ClassVar[str] = "unreadable"
    PRODUCER: ClassVar[Producer] = "start-up"

    topic: str
    code: str
    reason: str


Events = tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """Scope of one command: (consumer, command, key), and the digest of its body (seed S7.2)."""

    command: str
    key: str
    body_digest: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who recorded a fact, when, and why. Part of every event's stored state."""

    append_id: bytes
    """16 bytes, fresh for each append; how an unknown outcome is told apart from a conflict."""
    recorded_at: HybridTime
    actor: str
    """The consumer's id, or ``system:<worker>``."""
    correlation_id: str
    causation: str | None = None
    """The position (encoded) of the event that caused this one, if one did."""
    idempotency: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event as the log tells it."""

    aggregate: AggregateId
    version: int
    """The event's place in its aggregate, from 1."""
    position: Position
    """The position of the message that holds it; all events of one message share it."""
    index: int
    """Its place in that message, from 0."""
    envelope: Envelope
    event: Event

"""Domain events to stored bytes and back: our Mapper in place of the library's (ADR 0031).

Promises: what is read is validated by its schema, strictly; a topic nobody knows is an error, not a guess;
nothing stored holds an import path.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import msgpack
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import Mapper, StoredEvent, Transcoder
from pydantic import ValidationError

from domain.errors import MalformedEventError, UnknownTopicError
from domain.event import Envelope, Event, HybridTime, IdempotencyKey

Payload = Mapping[str, object]
Upcast = Callable[[str, Payload], tuple[str, Payload]]


@dataclass(frozen=True, slots=True)
class Fact:
    """An event with its envelope and its place: what the library calls a domain event."""

    originator_id: str
    originator_version: int
    envelope: Envelope
    event: Event


@dataclass(frozen=True, slots=True)
class Topics:
    """What the catalogue knows: the class of each topic, and how an old payload becomes a new one."""

    classes: Mapping[str, type[Event]]
    upcast: Upcast = lambda topic, payload: (topic, payload)


class PackedTranscoder(Transcoder):
    """MessagePack; arrays come back as tuples, points in time as aware UTC."""

    def encode(self, obj: object) -> bytes:
        return cast("bytes", msgpack.packb(obj, use_bin_type=True, datetime=True))

    def decode(self, data: bytes) -> object:
        return msgpack.unpackb(data, use_list=False, timestamp=3)


class EventMapper(Mapper[str]):
    """``state`` is MessagePack of ``[envelope, payload]``."""

    def __init__(self, topics: Topics) -> None:
        super().__init__(transcoder=PackedTranscoder())
        self._topics = topics

    def to_stored_event(self, domain_event: DomainEventProtocol[str]) -> StoredEvent:
        assert isinstance(domain_event, Fact)
        event = domain_event.event
        return StoredEvent(
            originator_id=domain_event.originator_id,
            originator_version=domain_event.originator_version,
            topic=event.TOPIC,
            state=self.transcoder.encode((_packed(domain_event.envelope), event.model_dump())),
        )

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[str]:
        return self.fact(stored_event)

    def fact(self, stored_event: StoredEvent) -> Fact:
        """Raises UnknownTopicError, MalformedEventError."""
        envelope, event = self.read(stored_event.topic, stored_event.state)
        return Fact(str(stored_event.originator_id), stored_event.originator_version, envelope, event)

    def read(self, topic: str, state: bytes) -> tuple[Envelope, Event]:
        """Raises UnknownTopicError, MalformedEventError."""
        envelope, payload = self.opened(topic, state)
        topic, payload = self._topics.upcast(topic, payload)
        cls = self._topics.classes.get(topic)
        if cls is None:
            raise UnknownTopicError(topic=topic)
        try:
            return envelope, cls.model_validate(payload)
        except ValidationError as error:
            raise MalformedEventError(topic=topic, problem=_first_problem(error)) from error

    def fields(self, topic: str, state: bytes) -> Payload:
        """The payload alone, parsed and not validated: what a rebuild reads. Raises MalformedEventError."""
        try:
            return cast("tuple[object, Payload]", msgpack.unpackb(state, use_list=False, timestamp=3))[1]
        except (ValueError, TypeError, IndexError, msgpack.exceptions.UnpackException) as error:
            raise MalformedEventError(topic=topic, problem="its bytes are not an event") from error

    def opened(self, topic: str, state: bytes) -> tuple[Envelope, Payload]:
        """The envelope can be read even where the event cannot. Raises MalformedEventError."""
        try:
            packed, payload = cast("tuple[tuple[Any, ...], Payload]", self.transcoder.decode(state))
            return _unpacked(packed), payload
        except (ValueError, TypeError, msgpack.exceptions.UnpackException) as error:
            raise MalformedEventError(topic=topic, problem="its bytes are not an event") from error


def _packed(envelope: Envelope) -> tuple[object, ...]:
    key = envelope.idempotency
    return (
        envelope.append_id,
        envelope.recorded_at,
        envelope.actor,
        envelope.correlation_id,
        envelope.causation,
        None if key is None else (key.command, key.key, key.body_digest),
    )


def _unpacked(packed: tuple[Any, ...]) -> Envelope:
    append_id, recorded_at, actor, correlation_id, causation, key = packed
    known = None if key is None else IdempotencyKey(*key)
    return Envelope(append_id, HybridTime(recorded_at), actor, correlation_id, causation, known)


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"

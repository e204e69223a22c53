"""Events as others see them in edition v2: the body of a page, and the data of a stream."""

from __future__ import annotations

from pydantic import Field, JsonValue

from domain.consumer import ApiKeyIssued
from domain.event import Event as Fact
from domain.event import Recorded
from domain.ids import ConsumerId
from gateway.operation import Wire
from gateway.times import of_ms

EVENTS_PER_PAGE_MAX = 1_000
HYBRID_COUNTER_BITS = 16


class ReadEvents(Wire):
    """From where on, and whether to go on at the end."""

    after: str | None = Field(None, max_length=128)
    limit: int = Field(500, ge=1, le=EVENTS_PER_PAGE_MAX)
    follow: bool | None = None
    """At the end, wait for more. Without it a stream does and a page does not."""


class Event(Wire):
    """One fact. Those of one message of the log share a position."""

    position: str
    index: int
    aggregate: str
    version: int
    topic: str
    recorded_at: str
    actor: str
    correlation_id: str
    event: dict[str, JsonValue]
    """Its fields; byte strings are hex."""


class EventPage(Wire):
    events: list[Event]
    next: str | None
    """Where the following page begins."""
    end: bool
    """Nothing was recorded after this page when it was made."""


def told(recorded: Recorded, reader: ConsumerId | None) -> Event:
    """An event as this reader may see it."""
    envelope = recorded.envelope
    return Event(
        position=recorded.position.encode(),
        index=recorded.index,
        aggregate=str(recorded.aggregate),
        version=recorded.version,
        topic=recorded.event.TOPIC,
        recorded_at=of_ms(envelope.recorded_at >> HYBRID_COUNTER_BITS),
        actor=envelope.actor,
        correlation_id=envelope.correlation_id,
        event=_fields(recorded.event, reader),
    )


def _fields(event: Fact, reader: ConsumerId | None) -> dict[str, JsonValue]:
    """Key digests are for nobody; a lock's token and a commit's are for those who hold them."""
    fields: dict[str, JsonValue] = event.model_dump(mode="json")
    if isinstance(event, ApiKeyIssued):
        fields["digest"] = None
    if "fencing_token" in fields and fields["holder"] != reader:
        fields["fencing_token"] = None
    if "tokens" in fields and fields["author"] != reader:
        fields["tokens"] = []
    return fields

"""A security incident: what an address did that no honest client does, said once a minute and address.

Promises: an attack makes no event a request (versioning.yaml: events); what a minute's silence swallowed is
in the count of the address's next one; no address is stored, only its keyed digest (I9). One aggregate a
kind, whose id is the kind, with dashes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import ClassVar

from domain.decider import Decider
from domain.event import Event, Producer

QUIET_MS = 60 * 1000
"""How long the same address is not told of again."""
ADDRESSES_MAX = 10_000
"""Remembered at once; in a minute with more of them, the ones told of first may be told of again."""


class SecurityIncidentRecorded(Event):
    """Somebody did this, as often as `count` says since it was last recorded of that address."""

    TOPIC: ClassVar[str] = "incident.recorded.v1"
    PRODUCER: ClassVar[Producer] = "gateway"
    kind: str
    client_ip_hash: str
    """The same for the same address; the address cannot be had from it."""
    source: str
    """Where in the request it stood: ``header``, ``url``, ``query``, ``key``, ..."""
    correlation_id: str
    """Of the newest request that it stands for."""
    count: int
    """How many of them it stands for; 1 is this one alone."""
    recorded_at_ms: int
    """Unix time."""


@dataclass(frozen=True, slots=True)
class RecordIncident:
    kind: str
    client_ip_hash: str
    source: str
    correlation_id: str
    count: int
    now_ms: int


@dataclass(frozen=True, slots=True)
class Incidents:
    recorded_at_ms: Mapping[str, int] = field(default_factory=dict[str, int])
    """By hashed address, in the order in which they were recorded: those of the last minute."""


def incidents_id(kind: str) -> str:
    """As it may stand in a subject."""
    return kind.replace("_", "-")


def decide(state: Incidents, command: RecordIncident) -> tuple[SecurityIncidentRecorded, ...]:
    last_ms = state.recorded_at_ms.get(command.client_ip_hash)
    if last_ms is not None and abs(command.now_ms - last_ms) < QUIET_MS:
        return ()
    return (
        SecurityIncidentRecorded(
            kind=command.kind,
            client_ip_hash=command.client_ip_hash,
            source=command.source,
            correlation_id=command.correlation_id,
            count=command.count,
            recorded_at_ms=command.now_ms,
        ),
    )


def evolve(state: Incidents, event: SecurityIncidentRecorded) -> Incidents:
    now_ms = event.recorded_at_ms
    kept = {
        address: at_ms
        for address, at_ms in state.recorded_at_ms.items()
        if abs(now_ms - at_ms) < QUIET_MS and address != event.client_ip_hash
    }
    too_many = max(0, len(kept) + 1 - ADDRESSES_MAX)
    return Incidents({**dict(islice(kept.items(), too_many, None)), event.client_ip_hash: now_ms})


DECIDER = Decider("incident", Incidents(), decide, evolve, (SecurityIncidentRecorded,))

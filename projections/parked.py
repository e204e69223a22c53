"""Events that a read model could not take, and what follows them in the same aggregate.

They wait beside the build that refused them, named with the reason, until the operator's decision comes as
an event (`domain.readmodel`): the poison is skipped, or the stream is tried again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString

from domain.event import Recorded
from projections.builds import placed
from projections.transactions import Cursor

AGGREGATES_MAX = 100
"""More failing streams than this is a broken projection, not a poison event: it halts."""
REASON_CHARACTERS_MAX = 500

PARK: LiteralString = """
    INSERT INTO dits.parked_events
        (schema, aggregate, version, incarnation, sequence, digest, index, topic, code, reason)
    VALUES (%(schema)s, %(aggregate)s, %(version)s, %(incarnation)s, %(sequence)s, %(digest)s,
            %(index)s, %(topic)s, %(code)s, %(reason)s)
    ON CONFLICT (schema, aggregate, version) DO NOTHING
"""
AGGREGATES = "SELECT DISTINCT aggregate FROM dits.parked_events WHERE schema = %(schema)s"
TAKE = """
    DELETE FROM dits.parked_events WHERE schema = %(schema)s AND aggregate = %(aggregate)s
    RETURNING version
"""
LIST = """
    SELECT parked.schema, made.name, parked.aggregate, parked.version, parked.sequence, parked.index,
           parked.topic, parked.code, parked.reason
    FROM dits.parked_events AS parked
    JOIN dits.live_projections AS live ON live.schema = parked.schema
    JOIN dits.projection_schemas AS made ON made.schema = parked.schema
    ORDER BY made.name, parked.aggregate, parked.version
    LIMIT %(limit)s
"""
COUNTS = "SELECT schema, COUNT(*) FROM dits.parked_events GROUP BY schema"

BEHIND = "BEHIND_PARKED"
"""The code of an event that is itself sound, but follows one that is not."""


@dataclass(frozen=True, slots=True)
class ParkedEvent:
    """One row for the operator."""

    schema: str
    projection: str
    aggregate: str
    version: int
    sequence: int
    index: int
    topic: str
    code: str
    reason: str

    @property
    def is_poison(self) -> bool:
        return self.code != BEHIND


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an event is parked."""

    code: str
    reason: str


FOLLOWS = Refusal(BEHIND, "an earlier event of the same aggregate is parked")


def park(cursor: Cursor, schema: str, events: Sequence[Recorded], why: Refusal) -> None:
    rows = [
        {
            "schema": schema,
            "aggregate": str(recorded.aggregate),
            "version": recorded.version,
            **placed(recorded.position),
            "index": recorded.index,
            "topic": recorded.event.TOPIC,
            "code": why.code,
            "reason": why.reason[:REASON_CHARACTERS_MAX],
        }
        for recorded in events
    ]
    if rows:
        cursor.executemany(PARK, rows)


def aggregates(cursor: Cursor, schema: str) -> set[str]:
    """Streams that wait; their later events wait too."""
    cursor.execute(AGGREGATES, {"schema": schema})
    return {row[0] for row in cursor}


def take(cursor: Cursor, schema: str, aggregate: str) -> frozenset[int]:
    """End the waiting of a stream: the versions of its events that waited."""
    cursor.execute(TAKE, {"schema": schema, "aggregate": aggregate})
    return frozenset(row[0] for row in cursor)


def listed(cursor: Cursor, limit: int) -> tuple[ParkedEvent, ...]:
    """Of live builds, in stream order."""
    cursor.execute(LIST, {"limit": limit})
    return tuple(ParkedEvent(*row) for row in cursor)


def counts(cursor: Cursor) -> dict[str, int]:
    """Parked events by schema."""
    cursor.execute(COUNTS)
    return {row[0]: row[1] for row in cursor}

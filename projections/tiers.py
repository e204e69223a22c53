"""The tier map: which stores hold a chunk, as the log says it (seed S1.5).

A location is a named store; a chunk may stand in several. Promises: a row is a chunk that was durable and
verified there when its event was recorded; the map is never filled from a look at the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import LiteralString

from domain.event import Recorded
from domain.ids import Digest
from domain.session.events import ChunkStored
from projections.projection import Projection, Table
from projections.reading import row
from projections.transactions import Cursor

LOCATIONS = Table(
    "locations",
    """
    CREATE TABLE locations (
        digest BYTEA NOT NULL,
        location TEXT NOT NULL,
        size_bytes BIGINT NOT NULL CHECK (size_bytes > 0)
    )
    """,
    ("ALTER TABLE locations ADD PRIMARY KEY (digest, location)",),
)
PLACE = """
    INSERT INTO locations (digest, location, size_bytes)
    SELECT * FROM UNNEST(%(digests)b::BYTEA[], %(locations)s::TEXT[], %(sizes)s::BIGINT[])
    ON CONFLICT (digest, location) DO NOTHING
"""
WHERE = """
    SELECT digest, location FROM locations WHERE digest = ANY(%(digests)b::BYTEA[])
    ORDER BY digest, location
"""
STORED: LiteralString = """
    SELECT COUNT(*), COALESCE(SUM(size_bytes), 0)::BIGINT FROM locations
    WHERE %(location)s::TEXT IS NULL OR location = %(location)s
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """What lies in the stores; a chunk in two locations counts twice."""

    chunks: int
    size_bytes: int


def apply(cursor: Cursor, batch: Sequence[Recorded]) -> None:
    digests: list[bytes] = []
    locations: list[str] = []
    sizes: list[int] = []
    for recorded in batch:
        event = recorded.event
        if isinstance(event, ChunkStored):
            digests += [event.chunks[i : i + 32] for i in range(0, len(event.chunks), 32)]
            locations += [event.location] * len(event.sizes_bytes)
            sizes += event.sizes_bytes
    if digests:
        cursor.execute(PLACE, {"digests": digests, "locations": locations, "sizes": sizes})


TIERS = Projection(
    name="tiers",
    version=1,
    tables=(LOCATIONS,),
    events=(ChunkStored,),
    apply=apply,
    gates_collection=True,
)


def locations(cursor: Cursor, digests: Iterable[Digest]) -> dict[Digest, tuple[str, ...]]:
    """Where each chunk lies; a chunk that is nowhere is absent."""
    found: dict[Digest, tuple[str, ...]] = {}
    cursor.execute(WHERE, {"digests": list(digests)})
    for digest, location in cursor:
        found[Digest(digest)] = (*found.get(Digest(digest), ()), location)
    return found


def stored(cursor: Cursor, location: str | None = None) -> Stored:
    """In one location, or in all."""
    found = row(cursor, Stored, STORED, {"location": location})
    assert found is not None
    return found

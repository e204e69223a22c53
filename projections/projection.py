"""What a read model is: its tables, the facts it folds, and how it folds a batch of them.

Promises asked of every projection, and tested for all of them: it is a pure fold of the log (I5); `apply` is
idempotent and touches only the tables of its own schema; **events of different aggregates commute**, so a
parked aggregate may catch up later without changing a digest (S3.5, house: Projections). The same history
gives the same digest whether it came in batches, in bulk, or in another order across aggregates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import LiteralString, Protocol

from blake3 import blake3
from psycopg import sql

from domain.catalogue import DECIDERS
from domain.event import Event, Recorded, UnreadableEvent
from domain.ports import RawEvent
from projections.transactions import Cursor

Apply = Callable[[Cursor, Sequence[Recorded]], None]


class Fill(Protocol):
    """Fill empty tables, which have no index yet, from the whole log at once; called by a rebuild only.

    Callers may rely on: each table is settled (`builds.settle`), and the digest is that of `apply` over the
    same events. Any error makes the rebuild start again with `apply`, which can park what does not fit.
    """

    def __call__(self, cursor: Cursor, batches: Iterable[Sequence[RawEvent]]) -> None: ...


@dataclass(frozen=True, slots=True)
class Table:
    """A table and what is made after a bulk load, because that is faster."""

    name: LiteralString
    create: LiteralString
    indexes: tuple[LiteralString, ...] = ()


@dataclass(frozen=True, slots=True)
class Projection:
    """A read model: `version` goes up with every change of its tables or of its fold."""

    name: str
    version: int
    tables: tuple[Table, ...]
    events: tuple[type[Event], ...]
    apply: Apply
    fill: Fill | None = None
    gates_collection: bool = False
    """The collector reads it: anything parked, skipped or lagging here halts the collector (I3)."""

    def wants(self, recorded: Recorded) -> bool:
        """Its own events, and what cannot be read of the aggregates that it follows."""
        if isinstance(recorded.event, UnreadableEvent):
            return recorded.aggregate.family in self.families
        return isinstance(recorded.event, self.events)

    @property
    def families(self) -> frozenset[str]:
        return frozenset(
            decider.family for decider in DECIDERS if not set(self.events).isdisjoint(decider.events)
        )

    @property
    def topics(self) -> frozenset[str]:
        return frozenset(event.TOPIC for event in self.events)


@dataclass(frozen=True, slots=True)
class TableDigest:
    """What a table holds, whatever the order of its rows."""

    table: str
    rows: int
    digest: str


COUNT_ROWS = "SELECT COUNT(*) FROM {table}"
ONE_TEXT_FORM = "SET LOCAL timezone TO 'UTC'; SET LOCAL bytea_output TO 'hex'"
DIGEST_ROWS = """
    SELECT COUNT(*),
           COALESCE(SUM(('x' || ENCODE(SUBSTR(row_digest, 1, 8), 'hex'))::BIT(64)::BIGINT), 0)::TEXT,
           COALESCE(SUM(('x' || ENCODE(SUBSTR(row_digest, 9, 8), 'hex'))::BIT(64)::BIGINT), 0)::TEXT
    FROM (SELECT SHA256(CONVERT_TO({table}::TEXT, 'UTF8')) AS row_digest FROM {table}) AS digests
"""
"""Sums of halves of SHA-256 over each row's text: independent of order, and a row said twice counts twice."""


def row_counts(cursor: Cursor, projection: Projection) -> dict[str, int]:
    """By table, in the schema on the search path."""
    counts: dict[str, int] = {}
    for table in projection.tables:
        cursor.execute(sql.SQL(COUNT_ROWS).format(table=sql.Identifier(table.name)))
        row = cursor.fetchone()
        assert row is not None
        counts[table.name] = row[0]
    return counts


def digests(cursor: Cursor, projection: Projection) -> tuple[TableDigest, ...]:
    """Row counts and digests of all its tables in the schema on the search path."""
    cursor.execute(ONE_TEXT_FORM)
    return tuple(_digest(cursor, table) for table in projection.tables)


def _digest(cursor: Cursor, table: Table) -> TableDigest:
    cursor.execute(sql.SQL(DIGEST_ROWS).format(table=sql.Identifier(table.name)))
    row = cursor.fetchone()
    assert row is not None
    count, first, second = row
    content = f"{table.name}|{count}|{first}|{second}"
    return TableDigest(table.name, count, blake3(content.encode()).hexdigest())

"""What operators see and do: list, lag, digest, parked; `docs/projections.md` is written for them.

Skip and retry are commands to the log (`domain.readmodel`), asked by whoever holds it; the projector obeys
the event, and so does every rebuild.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from domain.decider import Ask
from domain.errors import NotFoundError
from domain.format.digest import digest_of
from domain.position import Position
from domain.readmodel import DECIDER, RetryStream, SkipEvent
from projections import builds, parked
from projections.parked import ParkedEvent
from projections.projection import Projection, TableDigest, digests
from projections.reading import reading
from projections.transactions import Pool, transaction

PARKED_LISTED_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Standing:
    """One read model as it stands."""

    name: str
    version: int
    schema: str | None
    """None: nothing answers, its rebuild has not ended."""
    position: Position | None
    lag_messages: int
    parked: int

    @property
    def is_current(self) -> bool:
        return self.schema is not None and self.lag_messages == 0 and self.parked == 0


@dataclass(frozen=True, slots=True)
class Digest:
    """What a read model holds at a position, whatever the order of its rows."""

    projection: str
    position: Position | None
    tables: tuple[TableDigest, ...]

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables)

    @property
    def whole(self) -> str:
        """One digest of all its tables."""
        return digest_of("".join(f"{table.table}={table.digest};" for table in self.tables).encode()).hex()


def standings(
    pool: Pool, projections: Iterable[Projection], log_end: Position | None
) -> tuple[Standing, ...]:
    """`dits projections list` and `lag`: in messages behind `EventLog.end`."""
    end = log_end.sequence if log_end is not None else 0
    with transaction(pool) as cursor:
        lives = builds.all_live(cursor)
        waiting = parked.counts(cursor)
    found: list[Standing] = []
    for projection in projections:
        live = lives.get((projection.name, projection.version))
        lag = max(0, end - live.sequence) if live is not None else end
        schema = live.schema if live is not None else None
        found.append(
            Standing(
                projection.name,
                projection.version,
                schema,
                live.position if live is not None else None,
                lag,
                waiting.get(schema, 0) if schema is not None else 0,
            )
        )
    return tuple(found)


def digest(pool: Pool, projection: Projection) -> Digest:
    """`dits projections digest`: rows and position of one moment. Raises NotYetConsistentError."""
    with reading(pool, projection) as (cursor, position):
        return Digest(projection.name, position, digests(cursor, projection))


def parked_events(pool: Pool, limit: int = PARKED_LISTED_MAX) -> tuple[ParkedEvent, ...]:
    """`dits projections parked`: what waits, in stream order, each with its reason."""
    with transaction(pool) as cursor:
        return parked.listed(cursor, limit)


def drop(pool: Pool, projection: Projection) -> None:
    """Drop a read model with its rows; the next rebuild makes it anew from the log (I5)."""
    with transaction(pool) as cursor:
        builds.end(cursor, projection.name)


def by_name(projections: Iterable[Projection], name: str) -> Projection:
    """Raises NotFoundError."""
    found = next((projection for projection in projections if projection.name == name), None)
    if found is None:
        raise NotFoundError(thing="projection", name=name[:64])
    return found


def skip(pool: Pool, projection: Projection, sequence: int, index: int, reason: str) -> Ask:
    """`dits projections skip`: the question for the log. Raises NotFoundError if that event is not parked."""
    for waiting in parked_events(pool):
        if (waiting.projection, waiting.sequence, waiting.index) == (projection.name, sequence, index):
            command = SkipEvent(projection.name, waiting.aggregate, sequence, index, reason)
            return DECIDER.ask(projection.name, command)
    raise NotFoundError(thing="parked event", name=f"{projection.name} {sequence}.{index}")


def retry(pool: Pool, projection: Projection, aggregate: str, reason: str) -> Ask:
    """`dits projections retry`: the question for the log. Raises NotFoundError if it is not parked."""
    if not any(
        (waiting.projection, waiting.aggregate) == (projection.name, aggregate)
        for waiting in parked_events(pool)
    ):
        raise NotFoundError(thing="parked stream", name=f"{projection.name} {aggregate}"[:64])
    return DECIDER.ask(projection.name, RetryStream(projection.name, aggregate, reason))

"""How read models are read: in one snapshot, from the build that answers, never behind what was asked for.

Promises: position and rows are of the same moment; a switch or a rebuild in the middle is not seen (seed
S3.3); asking for a position that is not reached raises instead of answering old, and nothing waits here.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import LiteralString, TypeVar

from domain.errors import InvalidPositionError, NotYetConsistentError
from domain.position import Position
from projections import builds
from projections.projection import Projection
from projections.transactions import Cursor, Pool, transaction

T = TypeVar("T")

SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"


@contextmanager
def reading(
    pool: Pool, projection: Projection, at_least: Position | None = None
) -> Generator[tuple[Cursor, Position | None]]:
    """A cursor on the live build, and the position that it shows (None: the log was empty).

    Raises NotYetConsistentError, InvalidPositionError (`at_least` is of another log), UnavailableError.
    """
    with transaction(pool) as cursor:
        cursor.execute(SNAPSHOT)
        live = builds.live_entered(cursor, projection)
        if live is None:
            raise NotYetConsistentError()
        require(live.position, at_least)
        yield cursor, live.position


def require(position: Position | None, at_least: Position | None) -> None:
    """Raises NotYetConsistentError if `position` is too early, InvalidPositionError if of another log."""
    if at_least is None:
        return
    if (position.sequence if position is not None else 0) < at_least.sequence:
        raise NotYetConsistentError()
    if position is None:
        return
    same_place = position.sequence == at_least.sequence
    if position.incarnation != at_least.incarnation or (same_place and position.digest != at_least.digest):
        raise InvalidPositionError(given=at_least.encode()[:16])


def positions(pool: Pool) -> dict[str, Position | None]:
    """How far each live read model has come, by name; of several versions the newest."""
    with transaction(pool) as cursor:
        found = builds.all_live(cursor)
    return {name: live.position for (name, _), live in sorted(found.items())}


def rows(cursor: Cursor, shape: type[T], query: LiteralString, params: dict[str, object]) -> list[T]:
    """A query's rows as `shape`, whose fields are its columns in order."""
    cursor.execute(query, params)
    return [shape(*row) for row in cursor]


def row(cursor: Cursor, shape: type[T], query: LiteralString, params: dict[str, object]) -> T | None:
    """The one row that a query gives, or None."""
    return next(iter(rows(cursor, shape, query, params)), None)

"""How rows are read and written in PostgreSQL: one transaction a step, its failures named.

Promises: a lost serialization race is retried three times with a growing pause, then once under an advisory
lock, then said (seed S3.5); a server that went away is an UnavailableError and nothing was written; every
other failure of the work itself comes out as it is, and is never retried.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TypeVar

import psycopg
from psycopg import errors
from psycopg.rows import TupleRow
from psycopg_pool import PoolTimeout, TooManyRequests

from domain.errors import SerializationFailureError, UnavailableError
from domain.ports import Clock, Ids

Connection = psycopg.Connection[TupleRow]
Cursor = psycopg.Cursor[TupleRow]

T = TypeVar("T")


class Pool(Protocol):
    """Where connections to PostgreSQL come from; psycopg's own pool is one."""

    def connection(self, timeout: float | None = None) -> AbstractContextManager[Connection]:
        """One for a block: what was done in it is committed at its end, and undone by an error."""
        ...


RACES_MAX = 3
"""Attempts without a lock before the pessimistic one (S3.5)."""
PAUSE_S = 0.1

LOST_RACES = (errors.SerializationFailure, errors.DeadlockDetected)
SERVER_TROUBLES = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    PoolTimeout,
    TooManyRequests,
)
"""The server, not the row: gone, restarting, full, out of memory, asked to stop."""

ROW_TROUBLES = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.ProgrammingError,
    psycopg.NotSupportedError,
)
"""The row or the statement, not the server."""

TRY_ALONE = "SELECT PG_TRY_ADVISORY_LOCK(HASHTEXTEXTENDED(%(name)s, 1))"
END_ALONE = "SELECT PG_ADVISORY_UNLOCK(HASHTEXTEXTENDED(%(name)s, 1))"
LOCK_STEP = "SELECT PG_ADVISORY_XACT_LOCK(HASHTEXTEXTENDED(%(name)s, 0))"


@contextmanager
def transaction(pool: Pool) -> Generator[Cursor]:
    """One transaction: committed at the end, undone by any error. Raises UnavailableError."""
    with server_named(), pool.connection() as connection, connection.cursor() as cursor:
        yield cursor


def transacted(pool: Pool, work: Callable[[Cursor], T], *, name: str, clock: Clock, ids: Ids) -> T:
    """The result of `work` in a transaction of its own, which may run up to four times (S3.5).

    `name` is what the last attempt locks. Raises SerializationFailureError, UnavailableError.
    """
    for attempt in range(RACES_MAX):
        try:
            with transaction(pool) as cursor:
                return work(cursor)
        except LOST_RACES:
            clock.sleep(PAUSE_S * 2**attempt + PAUSE_S * ids.jitter())
    try:
        with transaction(pool) as cursor:
            cursor.execute(LOCK_STEP, {"name": name})
            return work(cursor)
    except LOST_RACES as error:
        raise SerializationFailureError(step=name) from error


@contextmanager
def alone(pool: Pool, name: str) -> Generator[bool]:
    """True if nobody else is at `name`, in any process, until the end of the block; it waits for nobody.

    The block holds a connection of the pool but no transaction. Raises UnavailableError.
    """
    with server_named(), pool.connection() as connection:
        connection.autocommit = True
        try:
            row = connection.execute(TRY_ALONE, {"name": name}).fetchone()
            assert row is not None
            yield row[0]
        finally:
            if not connection.closed:
                connection.execute(END_ALONE, {"name": name})
                connection.autocommit = False


@contextmanager
def server_named() -> Generator[None]:
    """The server's troubles in the domain's words. Raises UnavailableError."""
    try:
        yield
    except LOST_RACES:
        raise
    except SERVER_TROUBLES as error:
        raise UnavailableError(dependency="PostgreSQL") from error

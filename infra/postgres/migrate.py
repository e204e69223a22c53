"""Numbered migrations of the schema ``dits``: what PostgreSQL holds besides the read models' own schemas.

Promises: each runs in one transaction under an advisory lock with a lock timeout, up or down; what happened
is kept in ``dits.migrations``; a failure leaves the schema as it was and says so (seed S6.1); of two
processes that start together one runs and the other waits, then finds nothing to do.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from typing import Literal

import psycopg
from psycopg import errors
from psycopg.rows import TupleRow

from domain.errors import MigrationFailedError, UnavailableError
from domain.ports import Clock

Connection = psycopg.Connection[TupleRow]
Progress = Literal["running", "completed", "failed", "reversed"]

LOCK = "SELECT PG_ADVISORY_LOCK(HASHTEXTEXTENDED('dits.migrations', 0))"
UNLOCK = "SELECT PG_ADVISORY_UNLOCK(HASHTEXTEXTENDED('dits.migrations', 0))"
# The other process may be at a long migration; a lock on a table that is in use is given up sooner.
WAIT_FOR_TURN = "SET lock_timeout TO '600s'"
WAIT_FOR_TABLE = "SET LOCAL lock_timeout TO '10s'"
CREATE_RECORD = """
    CREATE SCHEMA IF NOT EXISTS dits;
    CREATE TABLE IF NOT EXISTS dits.migrations (
        version INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        status TEXT NOT NULL CHECK (status IN ('running', 'completed', 'failed', 'reversed')),
        started_at TIMESTAMPTZ NOT NULL,
        ended_at TIMESTAMPTZ,
        reason TEXT NOT NULL DEFAULT ''
    )
"""
APPLIED = "SELECT COALESCE(MAX(version), 0) FROM dits.migrations WHERE status = 'completed'"
BEGUN = """
    INSERT INTO dits.migrations (version, name, status, started_at)
    VALUES (%(version)s, %(name)s, 'running', %(at)s)
    ON CONFLICT (version) DO UPDATE
    SET status = 'running', started_at = EXCLUDED.started_at, ended_at = NULL, reason = ''
"""
ENDED = """
    UPDATE dits.migrations SET status = %(status)s, ended_at = %(at)s, reason = %(reason)s
    WHERE version = %(version)s
"""
LIST = """
    SELECT version, name, status, started_at, ended_at, reason FROM dits.migrations ORDER BY version
"""
RECORD_EXISTS = "SELECT TO_REGCLASS('dits.migrations') IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step, both ways."""

    version: int
    name: str
    up: str
    down: str


@dataclass(frozen=True, slots=True)
class MigrationRun:
    """What ``dits.migrations`` says of one version."""

    version: int
    name: str
    status: Progress
    started_at: datetime
    ended_at: datetime | None
    reason: str


def known() -> tuple[Migration, ...]:
    """All migrations of this program, in order; their numbers have no gap."""
    folder = resources.files("infra.postgres") / "migrations"
    texts = {entry.name: entry.read_text() for entry in folder.iterdir() if entry.name.endswith(".sql")}
    names = sorted(name.removesuffix(".up.sql") for name in texts if name.endswith(".up.sql"))
    found = tuple(
        Migration(int(name[:4]), name[5:], texts[f"{name}.up.sql"], texts[f"{name}.down.sql"])
        for name in names
    )
    assert [step.version for step in found] == list(range(1, len(found) + 1)), names
    return found


def migrate(
    dsn: str, clock: Clock, *, to: int | None = None, steps: tuple[Migration, ...] | None = None
) -> tuple[int, ...]:
    """Bring the schema to version `to` (default: the newest). Returns the versions that were run, in order.

    Raises MigrationFailedError, UnavailableError.
    """
    migrations = known() if steps is None else steps
    target = len(migrations) if to is None else to
    with _turn(dsn) as connection:
        row = connection.execute(APPLIED).fetchone()
        assert row is not None
        applied = int(row[0])
        up = migrations[applied:target]
        down = migrations[target:applied][::-1]
        for step in up:
            _run(connection, step, step.up, "completed", clock)
        for step in down:
            _run(connection, step, step.down, "reversed", clock)
    return tuple(step.version for step in (*up, *down))


def runs(dsn: str) -> tuple[MigrationRun, ...]:
    """What was run and how it ended, for health and for operators. Raises UnavailableError."""
    try:
        with psycopg.connect(dsn) as connection:
            row = connection.execute(RECORD_EXISTS).fetchone()
            if row is None or not row[0]:
                return ()
            return tuple(MigrationRun(*found) for found in connection.execute(LIST))
    except psycopg.OperationalError as error:
        raise UnavailableError(dependency="PostgreSQL") from error


@contextmanager
def _turn(dsn: str) -> Generator[Connection]:
    """A connection that alone may migrate."""
    try:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(WAIT_FOR_TURN)
            connection.execute(LOCK)
            connection.execute(CREATE_RECORD)
            yield connection
            connection.execute(UNLOCK)
    except psycopg.OperationalError as error:
        raise UnavailableError(dependency="PostgreSQL") from error


def _run(connection: Connection, step: Migration, script: str, outcome: Progress, clock: Clock) -> None:
    known_as = {"version": step.version, "name": step.name}
    connection.execute(BEGUN, {**known_as, "at": clock.now()})
    try:
        with connection.transaction():
            connection.execute(WAIT_FOR_TABLE)
            connection.execute(script.encode())
            connection.execute(ENDED, {**known_as, "status": outcome, "at": clock.now(), "reason": ""})
    except psycopg.Error as error:
        reason = str(error).strip()
        if not connection.closed:
            failed = {**known_as, "status": "failed", "at": clock.now(), "reason": reason}
            connection.execute(ENDED, failed)
        if isinstance(error, psycopg.OperationalError) and not isinstance(error, errors.LockNotAvailable):
            raise
        raise MigrationFailedError(version=step.version, reason=reason) from error

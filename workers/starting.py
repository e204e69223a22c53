"""Where a worker begins: what a read model knows as open, and the position up to which it knows.

Promises: the answer is a fold of the log either way; while a read model is missing, has parked something, or
holds more than fits, the worker begins at the log's beginning instead, which is slower and says the same.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager

from domain.errors import NotYetConsistentError
from domain.ids import CommitId, RepoId, SessionId
from domain.position import Position
from projections import commits, locks, sessions
from projections.operating import parked_events
from projections.projection import Projection
from projections.reading import reading
from projections.transactions import Cursor, Pool

KNOWN_MAX = 100_000
"""Rows taken into memory at a start; an installation with more open things folds the log."""


@contextmanager
def _knowing(pool: Pool, projection: Projection) -> Generator[tuple[Cursor, Position | None]]:
    """The read model, if it knows all that it has passed: a parked stream is in none of its rows."""
    with reading(pool, projection) as seen:
        if any(parked.projection == projection.name for parked in parked_events(pool)):
            raise NotYetConsistentError()
        yield seen


def open_commits(pool: Pool) -> tuple[Sequence[CommitId], Position | None]:
    try:
        with _knowing(pool, commits.COMMITS) as (cursor, position):
            found = [row.commit for row in commits.still_open(cursor, limit=KNOWN_MAX)]
    except NotYetConsistentError:
        return (), None
    return (found, position) if len(found) < KNOWN_MAX else ((), None)


def open_sessions(pool: Pool) -> tuple[Sequence[SessionId], Position | None]:
    try:
        with _knowing(pool, sessions.SESSIONS) as (cursor, position):
            found = [row.session for row in sessions.still_open(cursor, limit=KNOWN_MAX)]
    except NotYetConsistentError:
        return (), None
    return (found, position) if len(found) < KNOWN_MAX else ((), None)


def locked_repos(pool: Pool) -> tuple[Sequence[RepoId], Position | None]:
    try:
        with _knowing(pool, locks.LOCKS) as (cursor, position):
            found = [row.repo for row in locks.every(cursor, limit=KNOWN_MAX)]
    except NotYetConsistentError:
        return (), None
    return (sorted(set(found)), position) if len(found) < KNOWN_MAX else ((), None)

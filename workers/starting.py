"""Where a worker begins: what a read model knows as open, and the position up to which it knows.

Promises: the answer is a fold of the log either way; while a read model is missing, or holds more than fits,
the worker begins at the log's beginning instead, which is slower and says the same.
"""

from __future__ import annotations

from collections.abc import Sequence

from domain.errors import NotYetConsistentError
from domain.ids import CommitId, RepoId, SessionId
from domain.position import Position
from projections import commits, locks, sessions
from projections.reading import reading
from projections.transactions import Pool

KNOWN_MAX = 100_000
"""Rows taken into memory at a start; an installation with more open things folds the log."""


def open_commits(pool: Pool) -> tuple[Sequence[CommitId], Position | None]:
    try:
        with reading(pool, commits.COMMITS) as (cursor, position):
            found = [row.commit for row in commits.still_open(cursor, limit=KNOWN_MAX)]
    except NotYetConsistentError:
        return (), None
    return (found, position) if len(found) < KNOWN_MAX else ((), None)


def open_sessions(pool: Pool) -> tuple[Sequence[SessionId], Position | None]:
    try:
        with reading(pool, sessions.SESSIONS) as (cursor, position):
            found = [row.session for row in sessions.still_open(cursor, limit=KNOWN_MAX)]
    except NotYetConsistentError:
        return (), None
    return (found, position) if len(found) < KNOWN_MAX else ((), None)


def locked_repos(pool: Pool) -> tuple[Sequence[RepoId], Position | None]:
    try:
        with reading(pool, locks.LOCKS) as (cursor, position):
            found = [row.repo for row in locks.every(cursor, limit=KNOWN_MAX)]
    except NotYetConsistentError:
        return (), None
    return (sorted(set(found)), position) if len(found) < KNOWN_MAX else ((), None)

"""Locks as they stand: who holds which path since when (seed S3.4).

For lists and for the lease watcher's list of what to watch. No authority: a command asks the lock table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import LiteralString, assert_never, get_args

from domain.event import Recorded
from domain.ids import ConsumerId, FilePath, RepoId
from domain.locks import Lease, LockAcquired, LockExpired, LockForceReleased, LockReleased, LocksEvent
from projections.folding import Folded
from projections.projection import Projection, Table
from projections.reading import row, rows
from projections.transactions import Cursor

TABLE = Table(
    "locks",
    """
    CREATE TABLE locks (
        repo TEXT NOT NULL,
        path TEXT NOT NULL,
        holder TEXT NOT NULL,
        holder_name TEXT NOT NULL,
        fencing_token BIGINT NOT NULL,
        lease TEXT NOT NULL,
        lease_ms BIGINT NOT NULL,
        since TEXT NOT NULL,
        PRIMARY KEY (repo, path)
    )
    """,
)
LOAD = """
    SELECT repo, path, holder, holder_name, fencing_token, lease, lease_ms, since
    FROM locks JOIN UNNEST(%(repos)s::TEXT[], %(paths)s::TEXT[]) AS asked (repo, path) USING (repo, path)
"""
STORE = """
    INSERT INTO locks (repo, path, holder, holder_name, fencing_token, lease, lease_ms, since)
    VALUES (%(repo)s, %(path)s, %(holder)s, %(holder_name)s, %(fencing_token)s,
            %(lease)s, %(lease_ms)s, %(since)s)
    ON CONFLICT (repo, path) DO UPDATE
    SET holder = EXCLUDED.holder, holder_name = EXCLUDED.holder_name,
        fencing_token = EXCLUDED.fencing_token, lease = EXCLUDED.lease,
        lease_ms = EXCLUDED.lease_ms, since = EXCLUDED.since
"""
ERASE = """
    DELETE FROM locks USING UNNEST(%(repos)s::TEXT[], %(paths)s::TEXT[]) AS gone (repo, path)
    WHERE locks.repo = gone.repo AND locks.path = gone.path
"""
AT: LiteralString = """
    SELECT repo, path, holder, holder_name, fencing_token, lease, lease_ms, since
    FROM locks WHERE repo = %(repo)s AND path = %(path)s
"""
LIST: LiteralString = """
    SELECT repo, path, holder, holder_name, fencing_token, lease, lease_ms, since
    FROM locks WHERE repo = %(repo)s AND path > %(after)s ORDER BY path LIMIT %(limit)s
"""
ALL: LiteralString = """
    SELECT repo, path, holder, holder_name, fencing_token, lease, lease_ms, since
    FROM locks WHERE (repo, path) > (%(repo)s, %(path)s) ORDER BY repo, path LIMIT %(limit)s
"""

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class LockRow:
    repo: RepoId
    path: FilePath
    holder: ConsumerId
    holder_name: str
    fencing_token: int
    lease: Lease
    lease_ms: int
    since: str
    """RFC 3339, as the event says it."""


def touched(recorded: Recorded) -> Iterable[Key]:
    event = recorded.event
    if isinstance(event, LocksEvent):
        yield event.repo, event.path


def fold(_before: LockRow | None, _key: Key, recorded: Recorded) -> LockRow | None:
    event = recorded.event
    assert isinstance(event, LocksEvent)
    match event:
        case LockAcquired():
            return LockRow(
                repo=event.repo,
                path=event.path,
                holder=event.holder,
                holder_name=event.holder_name,
                fencing_token=event.fencing_token,
                lease=event.lease,
                lease_ms=event.lease_ms,
                since=event.since,
            )
        case LockReleased() | LockForceReleased() | LockExpired():
            return None
        case _:
            assert_never(event)


def _asked(keys: Sequence[Key]) -> dict[str, object]:
    return {"repos": [key[0] for key in keys], "paths": [key[1] for key in keys]}


def _key(row: LockRow) -> Key:
    return row.repo, row.path


LOCKS = Projection(
    name="locks",
    version=1,
    tables=(TABLE,),
    events=get_args(LocksEvent),
    apply=Folded(LockRow, _key, touched, fold, LOAD, STORE, ERASE, _asked).apply,
)


def held(cursor: Cursor, repo: RepoId, path: FilePath) -> LockRow | None:
    return row(cursor, LockRow, AT, {"repo": repo, "path": path})


def listed(cursor: Cursor, repo: RepoId, *, limit: int, after: str = "") -> list[LockRow]:
    """A repository's locks by path, after a path."""
    return rows(cursor, LockRow, LIST, {"repo": repo, "after": after, "limit": limit})


def every(cursor: Cursor, *, limit: int, after: tuple[str, str] = ("", "")) -> list[LockRow]:
    """Of all repositories, after (repo, path): what a lease watcher that starts has to watch."""
    return rows(cursor, LockRow, ALL, {"repo": after[0], "path": after[1], "limit": limit})

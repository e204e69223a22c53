"""Upload sessions and the files in them, for polling and for the session watcher (seed S2.1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import LiteralString, assert_never, get_args

from domain.event import Recorded
from domain.ids import CommitId, ConsumerId, RepoId, SessionId
from domain.session.commands import Phase
from domain.session.events import (
    ChunkStored,
    RecipeRecorded,
    SessionEvent,
    TreeRecorded,
    UploadCompleted,
    UploadExpired,
    UploadInterrupted,
    UploadProgressed,
    UploadSessionCompleted,
    UploadSessionFailed,
    UploadSessionStarted,
    UploadStarted,
)
from projections import files
from projections.folding import Folded, recorded_at
from projections.projection import Projection, Table
from projections.reading import row, rows
from projections.transactions import Cursor

TABLE = Table(
    "sessions",
    """
    CREATE TABLE sessions (
        session TEXT PRIMARY KEY,
        repo TEXT NOT NULL,
        consumer TEXT NOT NULL,
        base TEXT NOT NULL,
        phase TEXT NOT NULL,
        commit_id TEXT,
        code TEXT NOT NULL,
        chunks BIGINT NOT NULL,
        size_bytes BIGINT NOT NULL,
        version BIGINT NOT NULL,
        started_at TIMESTAMPTZ NOT NULL,
        active_at TIMESTAMPTZ NOT NULL
    )
    """,
    ("CREATE INDEX sessions_open ON sessions (session) WHERE phase = 'open'",),
)
LOAD = """
    SELECT session, repo, consumer, base, phase, commit_id, code, chunks, size_bytes, version,
           started_at, active_at
    FROM sessions WHERE session = ANY(%(keys)s)
"""
STORE = """
    INSERT INTO sessions (session, repo, consumer, base, phase, commit_id, code, chunks, size_bytes, version,
                          started_at, active_at)
    VALUES (%(session)s, %(repo)s, %(consumer)s, %(base)s, %(phase)s, %(commit)s, %(code)s, %(chunks)s,
            %(size_bytes)s, %(version)s, %(started_at)s, %(active_at)s)
    ON CONFLICT (session) DO UPDATE
    SET phase = EXCLUDED.phase, commit_id = EXCLUDED.commit_id, code = EXCLUDED.code,
        chunks = EXCLUDED.chunks, size_bytes = EXCLUDED.size_bytes, version = EXCLUDED.version,
        active_at = EXCLUDED.active_at
"""
ERASE = "DELETE FROM sessions WHERE session = ANY(%(keys)s)"
ONE: LiteralString = """
    SELECT session, repo, consumer, base, phase, commit_id, code, chunks, size_bytes, version,
           started_at, active_at
    FROM sessions WHERE session = %(session)s AND repo = %(repo)s
"""
OPEN: LiteralString = """
    SELECT session, repo, consumer, base, phase, commit_id, code, chunks, size_bytes, version,
           started_at, active_at
    FROM sessions WHERE phase = 'open' AND session > %(after)s
    ORDER BY session LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class SessionRow:
    session: SessionId
    repo: RepoId
    consumer: ConsumerId
    base: str
    """The position (encoded) from which "have" is answered."""
    phase: Phase
    commit: CommitId | None
    """The commit that ended it."""
    code: str
    """Why it failed; empty if it did not."""
    chunks: int
    size_bytes: int
    """Of all chunks that were sent, repeats included."""
    version: int
    """Of the session's aggregate: what `ExpireSession` is asked with."""
    started_at: datetime
    active_at: datetime
    """When its last event was recorded (seed S1.3: the age counts from here)."""


def touched(recorded: Recorded) -> Iterable[str]:
    return (recorded.aggregate.id,) if isinstance(recorded.event, SessionEvent) else ()


def fold(before: SessionRow | None, _: str, recorded: Recorded) -> SessionRow | None:
    event = recorded.event
    assert isinstance(event, SessionEvent)
    at = recorded_at(recorded)
    if isinstance(event, UploadSessionStarted):
        return SessionRow(
            session=event.session,
            repo=event.repo,
            consumer=event.consumer,
            base=event.base,
            phase="open",
            commit=None,
            code="",
            chunks=0,
            size_bytes=0,
            version=recorded.version,
            started_at=at,
            active_at=at,
        )
    assert before is not None, event
    return _folded(replace(before, version=recorded.version, active_at=at), event)


def _folded(
    before: SessionRow,
    event: ChunkStored
    | UploadStarted
    | UploadProgressed
    | UploadInterrupted
    | UploadCompleted
    | RecipeRecorded
    | TreeRecorded
    | UploadSessionCompleted
    | UploadSessionFailed
    | UploadExpired,
) -> SessionRow:
    match event:
        case ChunkStored(sizes_bytes=sizes):
            chunks, size_bytes = before.chunks + len(sizes), before.size_bytes + sum(sizes)
            return replace(before, chunks=chunks, size_bytes=size_bytes)
        case UploadStarted() | UploadProgressed() | UploadInterrupted() | UploadCompleted():
            return before
        case RecipeRecorded() | TreeRecorded():
            return before
        case UploadSessionCompleted():
            return replace(before, phase="completed", commit=event.commit)
        case UploadSessionFailed():
            return replace(before, phase="failed", commit=event.commit, code=event.code)
        case UploadExpired():
            return replace(before, phase="expired")
        case _:
            assert_never(event)


ROWS = Folded(SessionRow, lambda row: str(row.session), touched, fold, LOAD, STORE, ERASE)


def apply(cursor: Cursor, batch: Sequence[Recorded]) -> None:
    ROWS.apply(cursor, batch)
    files.ROWS.apply(cursor, batch)


SESSIONS = Projection(
    name="sessions",
    version=1,
    tables=(TABLE, files.TABLE),
    events=get_args(SessionEvent),
    apply=apply,
    gates_collection=True,
)


def one(cursor: Cursor, repo: RepoId, session: SessionId) -> SessionRow | None:
    return row(cursor, SessionRow, ONE, {"repo": repo, "session": session})


def still_open(cursor: Cursor, *, limit: int, after: str = "") -> list[SessionRow]:
    """Open sessions of all repositories by id, after an id: what the session watcher watches."""
    return rows(cursor, SessionRow, OPEN, {"limit": limit, "after": after})

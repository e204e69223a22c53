"""Whole-file uploads inside upload sessions: the second table of the sessions' read model (seed S2.1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import LiteralString

from domain.event import Recorded
from domain.ids import Digest, FilePath, SessionId
from domain.session.events import UploadCompleted, UploadInterrupted, UploadProgressed, UploadStarted
from projections.folding import Folded
from projections.projection import Table
from projections.reading import rows
from projections.transactions import Cursor

TABLE = Table(
    "files",
    """
    CREATE TABLE files (
        session TEXT NOT NULL,
        path TEXT NOT NULL,
        length_bytes BIGINT NOT NULL,
        offset_bytes BIGINT NOT NULL CHECK (offset_bytes BETWEEN 0 AND length_bytes),
        interrupted BOOLEAN NOT NULL,
        recipe BYTEA,
        PRIMARY KEY (session, path)
    )
    """,
)
LOAD = """
    SELECT session, path, length_bytes, offset_bytes, interrupted, recipe
    FROM files JOIN UNNEST(%(sessions)s::TEXT[], %(paths)s::TEXT[]) AS asked (session, path)
    USING (session, path)
"""
STORE = """
    INSERT INTO files (session, path, length_bytes, offset_bytes, interrupted, recipe)
    VALUES (%(session)s, %(path)s, %(length_bytes)s, %(offset_bytes)s, %(interrupted)s, %(recipe)s)
    ON CONFLICT (session, path) DO UPDATE
    SET length_bytes = EXCLUDED.length_bytes, offset_bytes = EXCLUDED.offset_bytes,
        interrupted = EXCLUDED.interrupted, recipe = EXCLUDED.recipe
"""
ERASE = """
    DELETE FROM files USING UNNEST(%(sessions)s::TEXT[], %(paths)s::TEXT[]) AS gone (session, path)
    WHERE files.session = gone.session AND files.path = gone.path
"""
LIST: LiteralString = """
    SELECT session, path, length_bytes, offset_bytes, interrupted, recipe
    FROM files WHERE session = %(session)s AND path > %(after)s ORDER BY path LIMIT %(limit)s
"""

Key = tuple[str, str]
FileEvent = UploadStarted | UploadProgressed | UploadInterrupted | UploadCompleted


@dataclass(frozen=True, slots=True)
class FileRow:
    session: SessionId
    path: FilePath
    length_bytes: int
    offset_bytes: int
    """The confirmed one: where an upload goes on."""
    interrupted: bool
    recipe: Digest | None
    """Known once the file is complete."""


def touched(recorded: Recorded) -> Iterable[Key]:
    event = recorded.event
    if isinstance(event, FileEvent):
        yield event.session, event.path


def fold(before: FileRow | None, _: Key, recorded: Recorded) -> FileRow | None:
    event = recorded.event
    assert isinstance(event, FileEvent)
    if isinstance(event, UploadStarted):
        recipe = before.recipe if before is not None else None
        return FileRow(event.session, event.path, event.length_bytes, event.offset_bytes, False, recipe)
    assert before is not None, event
    match event:
        case UploadProgressed():
            return replace(before, offset_bytes=event.offset_bytes, interrupted=False)
        case UploadInterrupted():
            return replace(before, interrupted=True)
        case UploadCompleted():
            return replace(before, recipe=event.recipe, interrupted=False)


def _asked(keys: Sequence[Key]) -> dict[str, object]:
    return {"sessions": [key[0] for key in keys], "paths": [key[1] for key in keys]}


def _key(row: FileRow) -> Key:
    return row.session, row.path


ROWS = Folded(FileRow, _key, touched, fold, LOAD, STORE, ERASE, _asked)


def listed(cursor: Cursor, session: SessionId, *, limit: int, after: str = "") -> list[FileRow]:
    """A session's files by path, after a path."""
    return rows(cursor, FileRow, LIST, {"session": session, "after": after, "limit": limit})

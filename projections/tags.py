"""Tags: every living one and the commit it names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString, assert_never

from domain.event import Recorded
from domain.ids import CommitId, Digest, RepoId, TagId
from domain.tag import TagCreated, TagDeleted, TagEvent
from projections.folding import Folded, recorded_at
from projections.projection import Projection, Table
from projections.reading import row, rows
from projections.transactions import Cursor

TABLE = Table(
    "tags",
    """
    CREATE TABLE tags (
        tag TEXT PRIMARY KEY,
        repo TEXT NOT NULL,
        name TEXT NOT NULL,
        commit_id TEXT NOT NULL,
        manifest BYTEA NOT NULL,
        created_at TIMESTAMPTZ NOT NULL,
        UNIQUE (repo, name)
    )
    """,
)
LOAD = """
    SELECT tag, repo, name, commit_id, manifest, created_at FROM tags WHERE tag = ANY(%(keys)s)
"""
STORE = """
    INSERT INTO tags (tag, repo, name, commit_id, manifest, created_at)
    VALUES (%(tag)s, %(repo)s, %(name)s, %(commit)s, %(manifest)s, %(created_at)s)
    ON CONFLICT (tag) DO UPDATE
    SET commit_id = EXCLUDED.commit_id, manifest = EXCLUDED.manifest, created_at = EXCLUDED.created_at
"""
ERASE = "DELETE FROM tags WHERE tag = ANY(%(keys)s)"
NAMED: LiteralString = """
    SELECT tag, repo, name, commit_id, manifest, created_at
    FROM tags WHERE repo = %(repo)s AND name = %(name)s
"""
LIST: LiteralString = """
    SELECT tag, repo, name, commit_id, manifest, created_at
    FROM tags WHERE repo = %(repo)s AND name > %(after)s ORDER BY name LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class TagRow:
    tag: TagId
    repo: RepoId
    name: str
    commit: CommitId
    manifest: Digest
    created_at: datetime


def touched(recorded: Recorded) -> Iterable[str]:
    return (recorded.aggregate.id,) if isinstance(recorded.event, TagEvent) else ()


def fold(_before: TagRow | None, _key: str, recorded: Recorded) -> TagRow | None:
    event = recorded.event
    assert isinstance(event, TagEvent)
    match event:
        case TagCreated():
            at = recorded_at(recorded)
            return TagRow(event.tag, event.repo, event.name, event.commit, event.manifest, at)
        case TagDeleted():
            return None
        case _:
            assert_never(event)


TAGS = Projection(
    name="tags",
    version=1,
    tables=(TABLE,),
    events=(TagCreated, TagDeleted),
    apply=Folded(TagRow, lambda row: str(row.tag), touched, fold, LOAD, STORE, ERASE).apply,
)


def named(cursor: Cursor, repo: RepoId, name: str) -> TagRow | None:
    return row(cursor, TagRow, NAMED, {"repo": repo, "name": name})


def listed(cursor: Cursor, repo: RepoId, *, limit: int, after: str = "") -> list[TagRow]:
    """By name, after a name."""
    return rows(cursor, TagRow, LIST, {"repo": repo, "after": after, "limit": limit})

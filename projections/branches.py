"""Branches: every living one and the commit it stands at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString, assert_never, get_args

from domain.branch import BranchCreated, BranchDeleted, BranchEvent, BranchMoved
from domain.event import Recorded
from domain.ids import BranchId, CommitId, Digest, RepoId
from projections.folding import Folded, recorded_at
from projections.projection import Projection, Table
from projections.reading import row, rows
from projections.transactions import Cursor

TABLE = Table(
    "branches",
    """
    CREATE TABLE branches (
        branch TEXT PRIMARY KEY,
        repo TEXT NOT NULL,
        name TEXT NOT NULL,
        commit_id TEXT NOT NULL,
        manifest BYTEA NOT NULL,
        version BIGINT NOT NULL,
        moved_at TIMESTAMPTZ NOT NULL,
        UNIQUE (repo, name)
    )
    """,
)
LOAD = """
    SELECT branch, repo, name, commit_id, manifest, version, moved_at
    FROM branches WHERE branch = ANY(%(keys)s)
"""
STORE = """
    INSERT INTO branches (branch, repo, name, commit_id, manifest, version, moved_at)
    VALUES (%(branch)s, %(repo)s, %(name)s, %(commit)s, %(manifest)s, %(version)s, %(moved_at)s)
    ON CONFLICT (branch) DO UPDATE
    SET commit_id = EXCLUDED.commit_id, manifest = EXCLUDED.manifest,
        version = EXCLUDED.version, moved_at = EXCLUDED.moved_at
"""
ERASE = "DELETE FROM branches WHERE branch = ANY(%(keys)s)"
NAMED: LiteralString = """
    SELECT branch, repo, name, commit_id, manifest, version, moved_at
    FROM branches WHERE repo = %(repo)s AND name = %(name)s
"""
LIST: LiteralString = """
    SELECT branch, repo, name, commit_id, manifest, version, moved_at
    FROM branches WHERE repo = %(repo)s AND name > %(after)s ORDER BY name LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class BranchRow:
    branch: BranchId
    repo: RepoId
    name: str
    commit: CommitId
    manifest: Digest
    version: int
    """Of the branch's aggregate, at its last move."""
    moved_at: datetime


def touched(recorded: Recorded) -> Iterable[str]:
    return (recorded.aggregate.id,) if isinstance(recorded.event, BranchEvent) else ()


def fold(_before: BranchRow | None, _key: str, recorded: Recorded) -> BranchRow | None:
    event = recorded.event
    assert isinstance(event, BranchEvent)
    match event:
        case BranchCreated() | BranchMoved():
            return BranchRow(
                branch=event.branch,
                repo=event.repo,
                name=event.name,
                commit=event.commit,
                manifest=event.manifest,
                version=recorded.version,
                moved_at=recorded_at(recorded),
            )
        case BranchDeleted():
            return None
        case _:
            assert_never(event)


BRANCHES = Projection(
    name="branches",
    version=1,
    tables=(TABLE,),
    events=get_args(BranchEvent),
    apply=Folded(BranchRow, lambda row: str(row.branch), touched, fold, LOAD, STORE, ERASE).apply,
)


def named(cursor: Cursor, repo: RepoId, name: str) -> BranchRow | None:
    return row(cursor, BranchRow, NAMED, {"repo": repo, "name": name})


def listed(cursor: Cursor, repo: RepoId, *, limit: int, after: str = "") -> list[BranchRow]:
    """By name, after a name."""
    return rows(cursor, BranchRow, LIST, {"repo": repo, "after": after, "limit": limit})

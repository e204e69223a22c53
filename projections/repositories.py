"""Repositories: their names, owners, and who may read them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import LiteralString, assert_never, get_args

from domain.event import Recorded
from domain.ids import ConsumerId, RepoId
from domain.repository import (
    RepositoryCreated,
    RepositoryEvent,
    RepositoryMadePrivate,
    RepositoryMadePublic,
)
from projections.folding import Folded, recorded_at
from projections.projection import Projection, Table
from projections.reading import row, rows
from projections.transactions import Cursor

TABLE = Table(
    "repositories",
    """
    CREATE TABLE repositories (
        repo TEXT PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        owner TEXT NOT NULL,
        public BOOLEAN NOT NULL,
        created_at TIMESTAMPTZ NOT NULL
    )
    """,
)
LOAD = """
    SELECT repo, name, owner, public, created_at FROM repositories WHERE repo = ANY(%(keys)s)
"""
STORE = """
    INSERT INTO repositories (repo, name, owner, public, created_at)
    VALUES (%(repo)s, %(name)s, %(owner)s, %(public)s, %(created_at)s)
    ON CONFLICT (repo) DO UPDATE SET public = EXCLUDED.public
"""
ERASE = "DELETE FROM repositories WHERE repo = ANY(%(keys)s)"
NAMED: LiteralString = """
    SELECT repo, name, owner, public, created_at FROM repositories WHERE name = %(name)s
"""
LIST: LiteralString = """
    SELECT repo, name, owner, public, created_at FROM repositories
    WHERE name > %(after)s AND (%(readable)s::TEXT[] IS NULL OR public OR repo = ANY(%(readable)s))
    ORDER BY name LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class RepositoryRow:
    repo: RepoId
    name: str
    owner: ConsumerId
    public: bool
    created_at: datetime


def touched(recorded: Recorded) -> Iterable[str]:
    return (recorded.aggregate.id,) if isinstance(recorded.event, RepositoryEvent) else ()


def fold(before: RepositoryRow | None, _: str, recorded: Recorded) -> RepositoryRow | None:
    event = recorded.event
    assert isinstance(event, RepositoryEvent)
    match event:
        case RepositoryCreated():
            return RepositoryRow(event.repo, event.name, event.owner, event.public, recorded_at(recorded))
        case RepositoryMadePublic() | RepositoryMadePrivate():
            assert before is not None, event
            return replace(before, public=isinstance(event, RepositoryMadePublic))
        case _:
            assert_never(event)


REPOSITORIES = Projection(
    name="repositories",
    version=1,
    tables=(TABLE,),
    events=get_args(RepositoryEvent),
    apply=Folded(RepositoryRow, lambda row: str(row.repo), touched, fold, LOAD, STORE, ERASE).apply,
)


def named(cursor: Cursor, name: str) -> RepositoryRow | None:
    return row(cursor, RepositoryRow, NAMED, {"name": name})


def listed(
    cursor: Cursor, readable: Sequence[RepoId] | None, *, limit: int, after: str = ""
) -> list[RepositoryRow]:
    """By name, after a name. `readable` adds these to the public ones; None is all there are."""
    asked: dict[str, object] = {
        "readable": None if readable is None else list(readable),
        "limit": limit,
        "after": after,
    }
    return rows(cursor, RepositoryRow, LIST, asked)

"""The read model: its three tables, how far the registry's revision has come in it, and its queries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import LiteralString, get_args

from domain.api_registry.events import RegistryLoaded
from domain.event import Recorded
from projections.api_versions import changelog, terms
from projections.api_versions.changelog import ChangeRow, Told
from projections.api_versions.terms import VersionRow
from projections.folding import Folded
from projections.projection import Projection, Table
from projections.reading import row, rows
from projections.transactions import Cursor

Revising = RegistryLoaded | Told
"""What gives the registry a revision."""

TABLE = Table(
    "api_registry",
    """
    CREATE TABLE api_registry (
        registry TEXT PRIMARY KEY,
        revision BIGINT NOT NULL
    )
    """,
)
LOAD = "SELECT registry, revision FROM api_registry WHERE registry = ANY(%(keys)s)"
STORE = """
    INSERT INTO api_registry (registry, revision) VALUES (%(registry)s, %(revision)s)
    ON CONFLICT (registry) DO UPDATE SET revision = EXCLUDED.revision
"""
ERASE = "DELETE FROM api_registry WHERE registry = ANY(%(keys)s)"
REVISION: LiteralString = "SELECT registry, revision FROM api_registry WHERE registry = %(registry)s"


@dataclass(frozen=True, slots=True)
class RegistryRow:
    registry: str
    revision: int


def touched(recorded: Recorded) -> Iterable[str]:
    if isinstance(recorded.event, Revising):
        yield recorded.aggregate.id


def fold(before: RegistryRow | None, registry: str, recorded: Recorded) -> RegistryRow | None:
    event = recorded.event
    assert isinstance(event, Revising)
    return RegistryRow(registry, event.revision if before is None else max(before.revision, event.revision))


FOLD = Folded(RegistryRow, lambda found: found.registry, touched, fold, LOAD, STORE, ERASE)


def apply(cursor: Cursor, batch: Sequence[Recorded]) -> None:
    for folded in (terms.FOLD, changelog.FOLD, FOLD):
        folded.apply(cursor, batch)


API_VERSIONS = Projection(
    name="versions",
    version=1,
    tables=(terms.TABLE, changelog.TABLE, TABLE),
    events=get_args(Revising),
    apply=apply,
)


def listed(cursor: Cursor) -> list[VersionRow]:
    """Those that were rolled back too, by name."""
    return rows(cursor, VersionRow, terms.LIST, {})


def changes(cursor: Cursor, limit: int) -> list[ChangeRow]:
    """Newest first."""
    return rows(cursor, ChangeRow, changelog.LIST, {"limit": limit})


def revision(cursor: Cursor, registry: str) -> int:
    """0 before the first."""
    found = row(cursor, RegistryRow, REVISION, {"registry": registry})
    return 0 if found is None else found.revision

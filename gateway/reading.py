"""The read models as the routes ask them: typed rows and the position that they show.

Promises: rows and position are of one moment; asking for a position that is not reached raises
NotYetConsistentError instead of answering old (S3.3), and nothing waits here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from domain.api_registry.decider import REGISTRY_ID
from domain.errors import NotYetConsistentError, UnavailableError
from domain.ids import CommitId, RepoId
from domain.position import Position
from gateway.versions.metadata import Happened, Metadata, Told
from projections import ALL, branches, commits, consumers, locks, operating, tags
from projections.api_versions import queries as api_versions
from projections.api_versions.changelog import ChangeRow
from projections.api_versions.terms import VersionRow
from projections.branches import BranchRow
from projections.commits import CommitRow
from projections.consumers import ListedKey, VersionUser
from projections.locks import LockRow
from projections.operating import Digest, Standing
from projections.parked import ParkedEvent
from projections.reading import positions, reading
from projections.tags import TagRow
from projections.transactions import Pool

R = TypeVar("R")

CHANGES_MAX = 1_000
"""Lines of the changelog that are told, the newest: years of a busy registry, some 100 KiB."""


@dataclass(frozen=True, slots=True)
class Seen(Generic[R]):
    """What a read model showed, and how far it had come (None: nothing yet)."""

    rows: Sequence[R]
    position: Position | None


@dataclass(frozen=True, slots=True)
class Page:
    """At most `limit` rows after a name or path."""

    limit: int
    after: str = ""


class Reading(Protocol):
    """All raise UnavailableError; those with `at_least` NotYetConsistentError, InvalidPositionError."""

    def branches(self, repo: RepoId, at_least: Position | None, page: Page) -> Seen[BranchRow]: ...

    def tags(self, repo: RepoId, at_least: Position | None, page: Page) -> Seen[TagRow]: ...

    def history(self, repo: RepoId, at_least: Position | None, head: CommitId, limit: int) -> Seen[CommitRow]:
        """A commit and those it was built on, newest first; empty if the repository has no such commit."""
        ...

    def locks(self, repo: RepoId, at_least: Position | None, page: Page) -> Seen[LockRow]: ...

    def keys(self, at_least: Position | None, limit: int) -> Seen[ListedKey]: ...

    def using(self, version_id: str, at_least: Position | None, limit: int) -> Seen[VersionUser]:
        """Consumers that are pinned to this version of the API or used it, most recent first."""
        ...

    def standings(self, end: Position | None) -> Sequence[Standing]:
        """Every read model as it stands, seen from the log's end."""
        ...

    def digest(self, projection: str) -> Digest:
        """Reads every row of one read model. Raises NotFoundError."""
        ...

    def parked(self) -> Sequence[ParkedEvent]: ...

    def check(self) -> None:
        """Does PostgreSQL answer?"""
        ...


class PostgresReading:
    """Every query in one snapshot of its own."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def branches(self, repo: RepoId, at_least: Position | None, page: Page) -> Seen[BranchRow]:
        with reading(self._pool, branches.BRANCHES, at_least) as (cursor, position):
            return Seen(branches.listed(cursor, repo, limit=page.limit, after=page.after), position)

    def tags(self, repo: RepoId, at_least: Position | None, page: Page) -> Seen[TagRow]:
        with reading(self._pool, tags.TAGS, at_least) as (cursor, position):
            return Seen(tags.listed(cursor, repo, limit=page.limit, after=page.after), position)

    def history(self, repo: RepoId, at_least: Position | None, head: CommitId, limit: int) -> Seen[CommitRow]:
        with reading(self._pool, commits.COMMITS, at_least) as (cursor, position):
            return Seen(commits.log(cursor, repo, head, limit=limit), position)

    def locks(self, repo: RepoId, at_least: Position | None, page: Page) -> Seen[LockRow]:
        with reading(self._pool, locks.LOCKS, at_least) as (cursor, position):
            return Seen(locks.listed(cursor, repo, limit=page.limit, after=page.after), position)

    def keys(self, at_least: Position | None, limit: int) -> Seen[ListedKey]:
        with reading(self._pool, consumers.CONSUMERS, at_least) as (cursor, position):
            return Seen(consumers.listed(cursor, limit), position)

    def using(self, version_id: str, at_least: Position | None, limit: int) -> Seen[VersionUser]:
        with reading(self._pool, consumers.CONSUMERS, at_least) as (cursor, position):
            return Seen(consumers.using(cursor, version_id, limit), position)

    def versions(self) -> Metadata:
        """Of the API, as far as the read model has come; one that is not made yet raises UnavailableError."""
        try:
            with reading(self._pool, api_versions.API_VERSIONS) as (cursor, _):
                return metadata_of(
                    api_versions.listed(cursor),
                    api_versions.changes(cursor, CHANGES_MAX),
                    api_versions.revision(cursor, REGISTRY_ID),
                )
        except NotYetConsistentError as error:
            raise UnavailableError(dependency="the read model of API versions") from error

    def standings(self, end: Position | None) -> Sequence[Standing]:
        return operating.standings(self._pool, ALL, end)

    def digest(self, projection: str) -> Digest:
        return operating.digest(self._pool, operating.by_name(ALL, projection))

    def parked(self) -> Sequence[ParkedEvent]:
        return operating.parked_events(self._pool)

    def check(self) -> None:
        positions(self._pool)


def metadata_of(versions: Sequence[VersionRow], changes: Sequence[ChangeRow], revision: int) -> Metadata:
    told = {
        row.version_id: Told(
            version_id=row.version_id,
            released_at=row.released_at,
            deprecated_at=row.deprecated_at,
            sunset_at=row.sunset_at,
            successor=row.successor,
            migration_guide_url=row.migration_guide_url,
            opt_in_required=row.opt_in_required,
        )
        for row in versions
    }
    happened = [
        Happened(row.type, row.at, tuple(zip(row.names, row.said, strict=True)), tuple(row.versions))
        for row in changes
    ]
    return Metadata(told, happened, revision)

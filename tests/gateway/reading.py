"""The read models without a database: the projections' own folds over a log, made anew for each question."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from domain.event import Recorded
from domain.ids import CommitId, ConsumerId, RepoId
from domain.ports import Feed
from domain.position import Position
from gateway.reading import CHANGES_MAX, Page, Seen, metadata_of
from gateway.versions.metadata import Metadata
from projections import ALL, branches, commits, consumers, locks, tags
from projections.api_versions import changelog, queries, terms
from projections.branches import BranchRow
from projections.commits import CommitRow
from projections.consumers import ListedKey, VersionUser
from projections.locks import LockRow
from projections.operating import Digest, Standing, by_name
from projections.parked import ParkedEvent
from projections.reading import require
from projections.tags import TagRow

K = TypeVar("K")
R = TypeVar("R")


class FoldedReading:
    """Always up to date, unless a test holds it back at a position."""

    def __init__(self, feed: Callable[[], Feed]) -> None:
        self._feed = feed
        self.held_back_at: int | None = None

    def branches(self, repo: RepoId, at_least: Position | None, page: Page) -> Seen[BranchRow]:
        rows, position = self._folded(branches.touched, branches.fold, at_least)
        return Seen(_page([row for row in rows if row.repo == repo], lambda row: row.name, page), position)

    def tags(self, repo: RepoId, at_least: Position | None, page: Page) -> Seen[TagRow]:
        rows, position = self._folded(tags.touched, tags.fold, at_least)
        return Seen(_page([row for row in rows if row.repo == repo], lambda row: row.name, page), position)

    def history(self, repo: RepoId, at_least: Position | None, head: CommitId, limit: int) -> Seen[CommitRow]:
        rows, position = self._folded(commits.touched, commits.fold, at_least)
        by_id = {row.commit: row for row in rows if row.repo == repo}
        line: list[CommitRow] = []
        at: CommitId | None = head
        while at is not None and at in by_id and len(line) < limit:
            line.append(by_id[at])
            at = by_id[at].parent_commit
        return Seen(line, position)

    def locks(self, repo: RepoId, at_least: Position | None, page: Page) -> Seen[LockRow]:
        rows, position = self._folded(locks.touched, locks.fold, at_least)
        return Seen(_page([row for row in rows if row.repo == repo], lambda row: row.path, page), position)

    def keys(self, at_least: Position | None, limit: int) -> Seen[ListedKey]:
        rows, position = self._folded(consumers.touched, consumers.fold, at_least)
        limits, _ = self._folded(consumers.limits_touched, consumers.limits_fold, at_least)
        keys = sorted(rows, key=lambda row: (row.name, row.issued_at, row.key_id))[:limit]
        return Seen(consumers.with_limits(keys, {row.consumer: row for row in limits}), position)

    def using(self, version_id: str, at_least: Position | None, limit: int) -> Seen[VersionUser]:
        rows, position = self._folded(consumers.touched, consumers.fold, at_least)
        uses, _ = self._folded(consumers.uses_touched, consumers.uses_fold, at_least)
        names: dict[ConsumerId, str] = {row.consumer: row.name for row in rows}
        days: dict[ConsumerId, str] = {u.consumer: u.last_day for u in uses if u.version_id == version_id}
        pins = [row for row in rows if row.version_id == version_id and row.revoked_at is None]
        found = [
            VersionUser(
                consumer=who,
                name=names.get(who, ""),
                pinned_keys=sorted(row.key_id for row in pins if row.consumer == who),
                last_day=days.get(who),
            )
            for who in {*days, *(row.consumer for row in pins)}
        ]
        by_name = sorted(found, key=lambda user: (user.name, user.consumer))
        newest_first = sorted(by_name, key=lambda user: user.last_day or "", reverse=True)
        return Seen(newest_first[:limit], position)

    def versions(self) -> Metadata:
        rows, _ = self._folded(terms.touched, terms.fold, None)
        changes, _ = self._folded(changelog.touched, changelog.fold, None)
        registry, _ = self._folded(queries.touched, queries.fold, None)
        newest_first = sorted(changes, key=lambda change: change.place, reverse=True)
        revision = max((row.revision for row in registry), default=0)
        return metadata_of(rows, newest_first[:CHANGES_MAX], revision)

    def standings(self, end: Position | None) -> Sequence[Standing]:
        return [Standing(each.name, each.version, f"{each.name}_v1_1", end, 0, 0) for each in ALL]

    def digest(self, projection: str) -> Digest:
        return Digest(by_name(ALL, projection).name, None, ())

    def parked(self) -> Sequence[ParkedEvent]:
        return []

    def check(self) -> None:
        """Nothing can be away."""

    def _folded(
        self,
        touched: Callable[[Recorded], Iterable[K]],
        fold: Callable[[R | None, K, Recorded], R | None],
        at_least: Position | None,
    ) -> tuple[list[R], Position | None]:
        rows: dict[K, R] = {}
        position: Position | None = None
        feed = self._feed()
        while batch := feed.read(position, 1_000):
            for recorded in batch:
                if self.held_back_at is not None and recorded.position.sequence > self.held_back_at:
                    require(position, at_least)
                    return list(rows.values()), position
                for key in touched(recorded):
                    row = fold(rows.pop(key, None), key, recorded)
                    if row is not None:
                        rows[key] = row
                position = recorded.position
        require(position, at_least)
        return list(rows.values()), position


def _page(rows: list[R], name: Callable[[R], str], page: Page) -> list[R]:
    later = sorted((row for row in rows if name(row) > page.after), key=name)
    return later[: page.limit]

"""What the references answer: have and want, counts, and how much is alive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import LiteralString

from domain.ids import Digest, RepoId
from domain.ports import LiveKind
from domain.position import Position
from projections.projection import Projection
from projections.reading import reading, row
from projections.refcounts.bulk import fill
from projections.refcounts.incremental import EVENTS, apply
from projections.refcounts.tables import COUNTS, EDGES, HOLDERS, SUPERSEDED, Kind
from projections.transactions import Cursor, Pool

REFCOUNTS = Projection(
    name="refcounts",
    version=2,
    tables=(EDGES, HOLDERS, SUPERSEDED, COUNTS),
    events=EVENTS,
    apply=apply,
    fill=fill,
    gates_collection=True,
)

MISSING = """
    SELECT asked.digest FROM UNNEST(%(digests)b::BYTEA[]) AS asked (digest)
    WHERE NOT EXISTS (
        SELECT 1 FROM counts
        WHERE counts.repo = %(repo)s AND counts.digest = asked.digest
          AND counts.kind = ANY(%(kinds)s::SMALLINT[])
    )
"""
COUNT: LiteralString = """
    SELECT ref_count FROM counts WHERE repo = %(repo)s AND digest = %(digest)s AND kind = %(kind)s
"""
ALIVE: LiteralString = """
    SELECT COUNT(*) FILTER (WHERE kind = 1), COUNT(*) FILTER (WHERE kind = 2),
           COUNT(*) FILTER (WHERE kind = 3), COUNT(*) FILTER (WHERE kind = 4),
           COALESCE(SUM(ref_count) FILTER (WHERE kind = 4), 0)::BIGINT
    FROM counts
    WHERE %(repo)s::TEXT IS NULL OR repo = %(repo)s
"""
KIND_OF: Mapping[LiveKind, Kind] = MappingProxyType(
    {
        "manifests": Kind.MANIFEST,
        "trees": Kind.TREE,
        "recipes": Kind.RECIPE,
        "chunks": Kind.CHUNK,
        "spares": Kind.SPARE,
    }
)
RECIPES: LiteralString = """
    SELECT digest FROM counts WHERE repo = %(repo)s AND kind = 3 AND digest > %(after)s
    ORDER BY digest LIMIT %(limit)s
"""
RECIPES_PAGE = 1_000
EVERY_KIND = (Kind.MANIFEST, Kind.TREE, Kind.RECIPE, Kind.CHUNK)
"""Spares are not alive, they are only not gone."""


@dataclass(frozen=True, slots=True)
class Alive:
    """How much is alive. A node that lives in two repositories counts in both."""

    manifests: int
    trees: int
    recipes: int
    chunks: int
    chunk_references: int
    """The sum of all chunk counts: live (recipe, chunk) pairs."""


@dataclass(frozen=True, slots=True)
class LivePresence:
    """The port Presence on the live read model."""

    pool: Pool

    def missing(
        self,
        repo: RepoId,
        kind: LiveKind,
        names: Iterable[Digest],
        at_least: Position | None,
    ) -> frozenset[Digest]:
        """Raises NotYetConsistentError, InvalidPositionError, UnavailableError."""
        with reading(self.pool, REFCOUNTS, at_least) as (cursor, _):
            return missing(cursor, repo, names, (KIND_OF[kind],))


def missing(
    cursor: Cursor, repo: RepoId, names: Iterable[Digest], kinds: Sequence[Kind] = EVERY_KIND
) -> frozenset[Digest]:
    """Those of `names` that are not alive in this repository as one of `kinds`."""
    asked = {"repo": repo, "digests": list(names), "kinds": [int(kind) for kind in kinds]}
    if not asked["digests"]:
        return frozenset()
    cursor.execute(MISSING, asked)
    return frozenset(Digest(found[0]) for found in cursor)


def count(cursor: Cursor, repo: RepoId, kind: Kind, digest: Digest) -> int:
    """How many live parents (and holders) a node has in a repository."""
    cursor.execute(COUNT, {"repo": repo, "kind": int(kind), "digest": digest})
    found = cursor.fetchone()
    return 0 if found is None else int(found[0])


def live_recipes(pool: Pool, repo: RepoId) -> Iterator[Digest]:
    """In the order of their names, page by page, so that no snapshot is held. Raises UnavailableError."""
    after = b""
    while True:
        with reading(pool, REFCOUNTS) as (cursor, _):
            cursor.execute(RECIPES, {"repo": repo, "after": after, "limit": RECIPES_PAGE})
            page = [Digest(found[0]) for found in cursor]
        yield from page
        if len(page) < RECIPES_PAGE:
            return
        after = page[-1]


def alive(cursor: Cursor, repo: RepoId | None = None) -> Alive:
    """In one repository, or in all."""
    found = row(cursor, Alive, ALIVE, {"repo": repo})
    assert found is not None
    return found

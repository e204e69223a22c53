"""The live fold of the references: a batch adds edges, moves holders, and counts follow, set by set.

What rises (becomes alive) is found in one recursive query and counted in one statement, before anything
falls: a head that moves releases its old manifest in the same append that retains the new one, whose parent
it is, so nothing flickers. What falls goes down level by level, for a node falls only with its last parent.
A superseded recipe has its successor for a child, and its chunks as spares only (`docs/decisions/0102`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from domain.asset.events import RecipeSuperseded
from domain.commit.events import ManifestRecorded
from domain.errors import ReferenceUnderflowError
from domain.event import Event, Recorded
from domain.ids import packed
from domain.references import ManifestReleased, ManifestRetained
from domain.session.events import RecipeRecorded, TreeRecorded
from projections.refcounts.tables import Kind
from projections.transactions import Cursor

ADD_EDGES = """
    WITH added AS (
        INSERT INTO edges (parent, child, kind)
        SELECT part.parent, SUBSTR(part.children, 32 * place + 1, 32), part.kind
        FROM UNNEST(%(parents)b::BYTEA[], %(kinds)s::SMALLINT[], %(children)b::BYTEA[])
                 AS part (parent, kind, children),
             GENERATE_SERIES(0, LENGTH(part.children) / 32 - 1) AS place
        ON CONFLICT (parent, child) DO NOTHING
        RETURNING parent, child, kind
    )
    SELECT counts.repo, CASE WHEN superseded.old IS NULL THEN added.kind ELSE 5::SMALLINT END AS kind,
           added.child, COUNT(*)
    FROM added JOIN counts ON counts.digest = added.parent AND counts.kind < 4
    LEFT JOIN superseded ON superseded.old = added.parent AND superseded.repo = counts.repo
    GROUP BY 1, 2, 3
"""
HELD = """
    SELECT held.repo, held.holder, held.manifest
    FROM UNNEST(%(repos)s::TEXT[], %(holders)s::TEXT[], %(manifests)b::BYTEA[])
             AS asked (repo, holder, manifest)
    JOIN holders AS held USING (repo, holder, manifest)
"""
RETAIN = """
    INSERT INTO holders (repo, holder, manifest)
    SELECT * FROM UNNEST(%(repos)s::TEXT[], %(holders)s::TEXT[], %(manifests)b::BYTEA[])
"""
RELEASE = """
    DELETE FROM holders
    USING UNNEST(%(repos)s::TEXT[], %(holders)s::TEXT[], %(manifests)b::BYTEA[])
              AS gone (repo, holder, manifest)
    WHERE holders.repo = gone.repo AND holders.holder = gone.holder AND holders.manifest = gone.manifest
"""
RISE = """
    WITH RECURSIVE seeds AS (
        SELECT repo, kind, digest, SUM(gained) AS gained
        FROM UNNEST(%(repos)s::TEXT[], %(kinds)s::SMALLINT[], %(digests)b::BYTEA[], %(gained)s::BIGINT[])
                 AS seed (repo, kind, digest, gained)
        GROUP BY repo, kind, digest
    ), rising (repo, kind, digest) AS (
        SELECT repo, kind, digest FROM seeds AS seed
        WHERE NOT EXISTS (
            SELECT 1 FROM counts
            WHERE counts.repo = seed.repo AND counts.digest = seed.digest AND counts.kind = seed.kind
        )
        UNION
        SELECT rising.repo, below.kind, below.child
        FROM rising CROSS JOIN LATERAL (
            SELECT kind, child FROM edges WHERE parent = rising.digest AND kind < 4
            UNION ALL
            SELECT 3::SMALLINT, new FROM superseded WHERE repo = rising.repo AND old = rising.digest
        ) AS below
        WHERE rising.kind < 4 AND NOT EXISTS (
            SELECT 1 FROM counts
            WHERE counts.repo = rising.repo AND counts.digest = below.child AND counts.kind = below.kind
        )
    ), gains AS (
        SELECT repo, kind, digest, gained FROM seeds
        UNION ALL
        SELECT rising.repo, CASE WHEN superseded.old IS NULL THEN edges.kind ELSE 5::SMALLINT END,
               edges.child, 1
        FROM rising JOIN edges ON edges.parent = rising.digest
        LEFT JOIN superseded ON superseded.old = rising.digest AND superseded.repo = rising.repo
        WHERE rising.kind < 4
        UNION ALL
        SELECT rising.repo, 3::SMALLINT, superseded.new, 1
        FROM rising JOIN superseded ON superseded.old = rising.digest AND superseded.repo = rising.repo
        WHERE rising.kind = 3
    )
    INSERT INTO counts (repo, kind, digest, ref_count)
    SELECT repo, kind, digest, SUM(gained) FROM gains GROUP BY repo, kind, digest
    ON CONFLICT (digest, repo, kind) DO UPDATE SET ref_count = counts.ref_count + EXCLUDED.ref_count
"""
LOSE = """
    UPDATE counts SET ref_count = ref_count - lost
    FROM UNNEST(%(repos)s::TEXT[], %(kinds)s::SMALLINT[], %(digests)b::BYTEA[], %(gained)s::BIGINT[])
             AS loss (repo, kind, digest, lost)
    WHERE counts.repo = loss.repo AND counts.digest = loss.digest AND counts.kind = loss.kind
    RETURNING counts.repo, counts.kind, counts.digest, counts.ref_count
"""
BURY = """
    WITH fallen AS (
        SELECT * FROM UNNEST(%(repos)s::TEXT[], %(kinds)s::SMALLINT[], %(digests)b::BYTEA[])
                          AS fallen (repo, kind, digest)
    ), buried AS (
        DELETE FROM counts USING fallen
        WHERE counts.repo = fallen.repo AND counts.digest = fallen.digest AND counts.kind = fallen.kind
    )
    SELECT fallen.repo, CASE WHEN superseded.old IS NULL THEN edges.kind ELSE 5::SMALLINT END AS kind,
           edges.child, COUNT(*)
    FROM fallen JOIN edges ON edges.parent = fallen.digest
    LEFT JOIN superseded ON superseded.old = fallen.digest AND superseded.repo = fallen.repo
    WHERE fallen.kind < 4
    GROUP BY 1, 2, 3
    UNION ALL
    SELECT fallen.repo, 3::SMALLINT, superseded.new, 1
    FROM fallen JOIN superseded ON superseded.old = fallen.digest AND superseded.repo = fallen.repo
    WHERE fallen.kind = 3
"""
SUPERSEDE = """
    INSERT INTO superseded (repo, old, new)
    SELECT * FROM UNNEST(%(repos)s::TEXT[], %(olds)b::BYTEA[], %(news)b::BYTEA[])
    ON CONFLICT (repo, old) DO NOTHING
    RETURNING repo, old, new
"""
GIVEN_OVER = """
    WITH given AS (
        SELECT counts.repo, gone.old, gone.new
        FROM UNNEST(%(repos)s::TEXT[], %(olds)b::BYTEA[], %(news)b::BYTEA[]) AS gone (repo, old, new)
        JOIN counts ON counts.repo = gone.repo AND counts.digest = gone.old AND counts.kind = 3
    )
    SELECT repo, 3::SMALLINT, new, COUNT(*) FROM given GROUP BY repo, new
    UNION ALL
    SELECT given.repo, 5::SMALLINT, edges.child, COUNT(*)
    FROM given JOIN edges ON edges.parent = given.old
    GROUP BY given.repo, edges.child
"""
# Both recursions probe edges by parent; without statistics on a young table the planner would scan it anew
# at every step.
PROBE = "SET LOCAL enable_hashjoin TO OFF; SET LOCAL enable_mergejoin TO OFF"

EVENTS: tuple[type[Event], ...] = (
    RecipeRecorded,
    TreeRecorded,
    ManifestRecorded,
    ManifestRetained,
    ManifestReleased,
    RecipeSuperseded,
)


class Part(NamedTuple):
    """Children of one kind under one parent, packed."""

    parent: bytes
    kind: int
    children: bytes


class Hold(NamedTuple):
    """One holder on one manifest."""

    repo: str
    holder: str
    manifest: bytes


class Gain(NamedTuple):
    """So many references more, or fewer."""

    repo: str
    kind: int
    digest: bytes
    gained: int


def apply(cursor: Cursor, batch: Sequence[Recorded]) -> None:
    """Raises ReferenceUnderflowError for a release of what is not held."""
    cursor.execute(PROBE)
    late = _add_edges(cursor, [part for recorded in batch for part in parts(recorded.event)])
    gained, lost = _supersede(cursor, batch)
    retained, released = _move_holders(cursor, batch)
    _rise(cursor, [*late, *gained, *(Gain(hold.repo, Kind.MANIFEST, hold.manifest, 1) for hold in retained)])
    _fall(cursor, [*lost, *(Gain(hold.repo, Kind.MANIFEST, hold.manifest, 1) for hold in released)])


def parts(event: Event) -> Iterable[Part]:
    """The edges that an event records."""
    match event:
        case RecipeRecorded():
            yield Part(event.recipe, Kind.CHUNK, event.chunks)
        case TreeRecorded():
            yield Part(event.tree, Kind.TREE, event.trees)
            yield Part(event.tree, Kind.RECIPE, event.recipes)
        case ManifestRecorded():
            yield Part(event.manifest, Kind.MANIFEST, packed(event.parents))
            yield Part(event.manifest, Kind.TREE, event.tree or b"")
        case _:
            return


def _add_edges(cursor: Cursor, found: Sequence[Part]) -> list[Gain]:
    """Returns what edges under parents that live already are worth: seldom any, for parents come first."""
    full = [part for part in found if part.children]
    if not full:
        return []
    parents, kinds, children = zip(*full, strict=True)
    cursor.execute(
        ADD_EDGES, {"parents": list(parents), "kinds": list(map(int, kinds)), "children": list(children)}
    )
    return [Gain(*row) for row in cursor]


def _supersede(cursor: Cursor, batch: Sequence[Recorded]) -> tuple[list[Gain], list[Gain]]:
    """What recipes that live already gain and lose by having a successor: it, and their chunks as spares,
    for their chunks as chunks. Those that do not live yet will rise that way."""
    told = [r.event for r in batch if isinstance(r.event, RecipeSuperseded)]
    if not told:
        return [], []
    cursor.execute(SUPERSEDE, _successions([(each.repo, each.old, each.new) for each in told]))
    cursor.execute(GIVEN_OVER, _successions([(row[0], row[1], row[2]) for row in cursor]))
    gained = [Gain(*row) for row in cursor]
    return gained, [gain._replace(kind=Kind.CHUNK) for gain in gained if gain.kind == Kind.SPARE]


def _move_holders(cursor: Cursor, batch: Sequence[Recorded]) -> tuple[list[Hold], list[Hold]]:
    """Fold the batch's holds over those in the table; write and return what is retained and released now."""
    moves = [r.event for r in batch if isinstance(r.event, ManifestRetained | ManifestReleased)]
    if not moves:
        return [], []
    named = list(dict.fromkeys(Hold(move.repo, move.holder, move.manifest) for move in moves))
    cursor.execute(HELD, _holds(named))
    before = {Hold(*row) for row in cursor}
    after = set(before)
    for move in moves:
        hold = Hold(move.repo, move.holder, move.manifest)
        if isinstance(move, ManifestRetained):
            after.add(hold)
        elif hold in after:
            after.discard(hold)
        else:
            raise ReferenceUnderflowError(holder=move.holder, manifest=move.manifest.hex())
    retained, released = sorted(after - before), sorted(before - after)
    if retained:
        cursor.execute(RETAIN, _holds(retained))
    if released:
        cursor.execute(RELEASE, _holds(released))
    return retained, released


def _rise(cursor: Cursor, gains: Sequence[Gain]) -> None:
    if gains:
        cursor.execute(RISE, _columns(gains))


def _fall(cursor: Cursor, losses: list[Gain]) -> None:
    while losses:
        merged = _merged(losses)
        cursor.execute(LOSE, _columns(merged))
        left = [Gain(*row) for row in cursor]
        if len(left) < len(merged):
            raise ReferenceUnderflowError(holder="a fallen parent", manifest=_first_missing(merged, left))
        fallen = [node for node in left if node.gained == 0]
        if not fallen:
            return
        cursor.execute(BURY, _columns(fallen))
        losses = [Gain(*row) for row in cursor]


def _merged(gains: Iterable[Gain]) -> list[Gain]:
    """One gain a node: UPDATE ... FROM would take only one of several."""
    sums: dict[tuple[str, int, bytes], int] = {}
    for repo, kind, digest, gained in gains:
        sums[repo, kind, digest] = sums.get((repo, kind, digest), 0) + gained
    return [Gain(*node, gained) for node, gained in sums.items()]


def _first_missing(wanted: Iterable[Gain], found: Iterable[Gain]) -> str:
    known = {node[:3] for node in found}
    return next(node.digest.hex() for node in wanted if node[:3] not in known)


def _columns(gains: Sequence[Gain]) -> dict[str, object]:
    return {
        "repos": [gain.repo for gain in gains],
        "kinds": [int(gain.kind) for gain in gains],
        "digests": [gain.digest for gain in gains],
        "gained": [gain.gained for gain in gains],
    }


def _holds(holds: Sequence[Hold]) -> dict[str, object]:
    return {
        "repos": [hold.repo for hold in holds],
        "holders": [hold.holder for hold in holds],
        "manifests": [hold.manifest for hold in holds],
    }


def _successions(found: Sequence[tuple[str, bytes, bytes]]) -> dict[str, object]:
    return {
        "repos": [repo for repo, _, _ in found],
        "olds": [old for _, old, _ in found],
        "news": [new for _, _, new in found],
    }

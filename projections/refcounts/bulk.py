"""The bulk fold of the references: edges stream from the log into COPY, counts come from one query.

Measured with `python -m bench rebuild`: see `docs/performance.md`. The parse is by hand, without pydantic,
for a log of millions of edges is rebuilt in seconds only if no object is made for an edge.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import cast

from domain.asset.events import RecipeSuperseded
from domain.commit.events import ManifestRecorded
from domain.errors import ReferenceUnderflowError
from domain.ids import DIGEST_BYTES
from domain.ports import RawEvent
from domain.references import ManifestReleased, ManifestRetained
from domain.session.events import RecipeRecorded, TreeRecorded
from projections.builds import settle
from projections.refcounts.incremental import Hold
from projections.refcounts.tables import COUNTS, EDGES, HOLDERS, SUPERSEDED, Kind
from projections.transactions import Cursor

COPY_EDGES = "COPY edges (parent, kind, child) FROM STDIN (FORMAT BINARY)"
COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_TRAILER = b"\xff\xff"
COPY_HOLDERS = "COPY holders (repo, holder, manifest) FROM STDIN"
COPY_SUPERSEDED = "COPY superseded (repo, old, new) FROM STDIN"
DERIVE_COUNTS = """
    INSERT INTO counts (repo, kind, digest, ref_count)
    WITH RECURSIVE live (repo, kind, digest) AS (
        SELECT repo, 1::SMALLINT, manifest FROM holders
        UNION
        SELECT live.repo, below.kind, below.child
        FROM live CROSS JOIN LATERAL (
            SELECT kind, child FROM edges WHERE parent = live.digest AND kind < 4
            UNION ALL
            SELECT 3::SMALLINT, new FROM superseded WHERE repo = live.repo AND old = live.digest
        ) AS below
    ), gains AS (
        SELECT repo, 1::SMALLINT AS kind, manifest AS digest FROM holders
        UNION ALL
        SELECT live.repo, CASE WHEN superseded.old IS NULL THEN edges.kind ELSE 5::SMALLINT END, edges.child
        FROM live JOIN edges ON edges.parent = live.digest
        LEFT JOIN superseded ON superseded.old = live.digest AND superseded.repo = live.repo
        UNION ALL
        SELECT live.repo, 3::SMALLINT, superseded.new
        FROM live JOIN superseded ON superseded.old = live.digest AND superseded.repo = live.repo
    )
    SELECT repo, kind, digest, COUNT(*) FROM gains GROUP BY repo, kind, digest
"""


def fill(cursor: Cursor, batches: Iterable[Sequence[RawEvent]]) -> None:
    """Raises ReferenceUnderflowError for a release of what is not held."""
    holds: dict[Hold, None] = {}
    successors: dict[tuple[str, bytes], bytes] = {}
    written = Written()
    with cursor.copy(COPY_EDGES) as copy:
        copy.write(COPY_HEADER)
        for batch in batches:
            copy.write(b"".join(_rows(_remembered(batch, successors), written, holds)))
        copy.write(COPY_TRAILER)
    settle(cursor, EDGES)
    with cursor.copy(COPY_HOLDERS) as copy:
        for hold in holds:
            copy.write_row(hold)
    settle(cursor, HOLDERS)
    with cursor.copy(COPY_SUPERSEDED) as copy:
        for (repo, old), new in successors.items():
            copy.write_row((repo, old, new))
    settle(cursor, SUPERSEDED)
    cursor.execute(DERIVE_COUNTS)
    settle(cursor, COUNTS)


class Written:
    """Which parents' edges are written: a parent is recorded by every session that names it."""

    def __init__(self) -> None:
        self._whole: set[bytes] = set()
        self._begun: dict[bytes, tuple[set[int], set[bytes]]] = {}

    def new_children(self, parent: bytes, children: Sequence[bytes], part: int, parts: int) -> list[bytes]:
        """Those that are not written yet. The parts of a large parent may repeat each other's children."""
        if parent in self._whole:
            return []
        if parts == 1:
            self._whole.add(parent)
            return list(dict.fromkeys(children))
        seen_parts, seen = self._begun.setdefault(parent, (set(), set()))
        seen_parts.add(part)
        fresh = [child for child in dict.fromkeys(children) if child not in seen]
        seen.update(fresh)
        if len(seen_parts) == parts:
            self._whole.add(parent)
            del self._begun[parent]
        return fresh


def _remembered(batch: Sequence[RawEvent], successors: dict[tuple[str, bytes], bytes]) -> Iterator[RawEvent]:
    """The batch as it is, its successions noted by the way."""
    for event in batch:
        if event.topic == RecipeSuperseded.TOPIC:
            fields = event.fields
            successors.setdefault((str(fields["repo"]), _bytes(fields["old"])), _bytes(fields["new"]))
        yield event


def _rows(batch: Iterable[RawEvent], written: Written, holds: dict[Hold, None]) -> Iterator[bytes]:
    for event in batch:
        fields = event.fields
        match event.topic:
            case ManifestRetained.TOPIC:
                holds[_hold(fields)] = None
            case ManifestReleased.TOPIC:
                _release(holds, _hold(fields))
            case RecipeRecorded.TOPIC:
                yield _recorded(written, fields, "recipe", (("chunks", Kind.CHUNK),))
            case TreeRecorded.TOPIC:
                yield _recorded(written, fields, "tree", (("trees", Kind.TREE), ("recipes", Kind.RECIPE)))
            case ManifestRecorded.TOPIC:
                yield _manifest(written, fields)
            case _:
                continue


def _recorded(
    written: Written, fields: Mapping[str, object], parent_field: str, kinds: Sequence[tuple[str, Kind]]
) -> bytes:
    """One recipe's or tree's part as rows of COPY."""
    parent = _bytes(fields[parent_field])
    part, parts = cast("int", fields["part"]), cast("int", fields["parts"])
    found = [(kind, _split(_bytes(fields[name]))) for name, kind in kinds]
    fresh = written.new_children(parent, [child for _, children in found for child in children], part, parts)
    if len(found) == 1:
        return _copied(parent, found[0][0], fresh)
    unwritten = set(fresh)
    return b"".join(
        _copied(parent, kind, [child for child in dict.fromkeys(children) if child in unwritten])
        for kind, children in found
    )


def _manifest(written: Written, fields: Mapping[str, object]) -> bytes:
    manifest, tree = _bytes(fields["manifest"]), fields["tree"]
    parents = list(dict.fromkeys(cast("Sequence[bytes]", fields["parents"])))
    root = [] if tree is None else [_bytes(tree)]
    if not written.new_children(manifest, [*parents, *root], 0, 1):
        return b""
    return _copied(manifest, Kind.MANIFEST, parents) + _copied(manifest, Kind.TREE, root)


def _copied(parent: bytes, kind: int, children: Sequence[bytes]) -> bytes:
    """Rows of binary COPY: the fields before the child are the same for all, so one join makes them."""
    if not children:
        return b""
    before = b"\0\3\0\0\0\x20" + parent + b"\0\0\0\2" + kind.to_bytes(2, "big") + b"\0\0\0\x20"
    return before + before.join(children)


def _split(children: bytes) -> list[bytes]:
    return [children[i : i + DIGEST_BYTES] for i in range(0, len(children), DIGEST_BYTES)]


def _hold(fields: Mapping[str, object]) -> Hold:
    return Hold(str(fields["repo"]), str(fields["holder"]), _bytes(fields["manifest"]))


def _release(holds: dict[Hold, None], hold: Hold) -> None:
    if hold not in holds:
        raise ReferenceUnderflowError(holder=hold.holder, manifest=hold.manifest.hex())
    del holds[hold]


def _bytes(value: object) -> bytes:
    assert isinstance(value, bytes), type(value)
    return value

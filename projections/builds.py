"""The schemas that read models live in: made beside each other, switched by one UPDATE, dropped later.

Promises: a build is ``<name>_v<version>_<build>``; `dits.live_projections` alone says which one answers and
how far it has come; a build that nobody finished is known by being neither live nor retired.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import sql

from domain.position import Position
from projections.projection import Projection, Table
from projections.transactions import Cursor

LIVE = """
    SELECT schema, incarnation, sequence, digest FROM dits.live_projections
    WHERE name = %(name)s AND version = %(version)s
"""
LIVE_LOCKED = """
    SELECT schema, incarnation, sequence, digest FROM dits.live_projections
    WHERE name = %(name)s AND version = %(version)s FOR UPDATE
"""
LIVE_ENTERED = """
    SELECT schema, incarnation, sequence, digest, SET_CONFIG('search_path', schema, TRUE)
    FROM dits.live_projections WHERE name = %(name)s AND version = %(version)s
"""
ALL_LIVE = "SELECT name, version, schema, incarnation, sequence, digest FROM dits.live_projections"
ENTER = "SELECT SET_CONFIG('search_path', %(schema)s, TRUE)"
ADVANCE = """
    UPDATE dits.live_projections
    SET incarnation = %(incarnation)s, sequence = %(sequence)s, digest = %(digest)s
    WHERE name = %(name)s AND version = %(version)s
"""
ADVANCE_IDLE = """
    UPDATE dits.live_projections
    SET incarnation = %(incarnation)s, sequence = %(sequence)s, digest = %(digest)s
    WHERE schema = ANY(%(schemas)s) AND sequence IS NOT DISTINCT FROM %(from_sequence)s
"""
SWITCH = """
    INSERT INTO dits.live_projections (name, version, schema, incarnation, sequence, digest)
    VALUES (%(name)s, %(version)s, %(schema)s, %(incarnation)s, %(sequence)s, %(digest)s)
    ON CONFLICT (name, version) DO UPDATE
    SET schema = EXCLUDED.schema, incarnation = EXCLUDED.incarnation,
        sequence = EXCLUDED.sequence, digest = EXCLUDED.digest
"""
RETIRE = "UPDATE dits.projection_schemas SET retired_at = %(at)s WHERE schema = %(schema)s"
END_LIVE = "DELETE FROM dits.live_projections WHERE name = %(name)s RETURNING schema"
NEXT_BUILD = """
    INSERT INTO dits.projection_schemas (schema, name, version, build, made_at)
    SELECT %(prefix)s || (COALESCE(MAX(build), 0) + 1), %(name)s, %(version)s,
           COALESCE(MAX(build), 0) + 1, %(at)s
    FROM dits.projection_schemas WHERE name = %(name)s AND version = %(version)s
    RETURNING schema
"""
UNFINISHED = """
    SELECT schema FROM dits.projection_schemas AS made
    WHERE name = %(name)s AND retired_at IS NULL AND NOT is_dropped
      AND NOT EXISTS (SELECT 1 FROM dits.live_projections AS live WHERE live.schema = made.schema)
"""
RETIRED = """
    SELECT schema FROM dits.projection_schemas AS made
    WHERE retired_at <= %(before)s AND NOT is_dropped
      AND NOT EXISTS (SELECT 1 FROM dits.live_projections AS live WHERE live.schema = made.schema)
"""
OUTDATED = """
    SELECT live.name, live.version FROM dits.live_projections AS live
    JOIN dits.live_projections AS newer ON newer.name = live.name AND newer.version > live.version
    JOIN dits.projection_schemas AS made ON made.schema = newer.schema
    WHERE made.made_at <= %(before)s
"""
END_OUTDATED = """
    DELETE FROM dits.live_projections WHERE name = %(name)s AND version = %(version)s RETURNING schema
"""
FORGET_PARKED = "DELETE FROM dits.parked_events WHERE schema = %(schema)s"
MARK_DROPPED = "UPDATE dits.projection_schemas SET is_dropped = TRUE WHERE schema = %(schema)s"
CREATE_SCHEMA = sql.SQL("CREATE SCHEMA {schema}")
DROP_SCHEMA = sql.SQL("DROP SCHEMA IF EXISTS {schema} CASCADE")
SET_UNLOGGED = sql.SQL("ALTER TABLE {table} SET UNLOGGED")
SET_LOGGED = sql.SQL("ALTER TABLE {table} SET LOGGED")
ANALYZE = sql.SQL("ANALYZE {table}")
# A read model is a fold of the log: what a crash takes, rows and position together, comes again.
LAZY_COMMIT = "SET LOCAL synchronous_commit TO OFF"

SCHEMA_PATTERN = re.compile(r"[a-z][a-z_]*_v[0-9]+_[0-9]+")


@dataclass(frozen=True, slots=True)
class Live:
    """The build that answers, and the newest message that is in it; None before the first."""

    schema: str
    position: Position | None

    @property
    def sequence(self) -> int:
        return self.position.sequence if self.position is not None else 0


def live(cursor: Cursor, projection: Projection, *, locked: bool = False) -> Live | None:
    """`locked` keeps everybody else from moving it until the transaction ends."""
    cursor.execute(LIVE_LOCKED if locked else LIVE, _named(projection))
    row = cursor.fetchone()
    return None if row is None else Live(row[0], _position(row[1:]))


def live_entered(cursor: Cursor, projection: Projection) -> Live | None:
    """As `live`, with its schema on the search path: one round trip for readers."""
    cursor.execute(LIVE_ENTERED, _named(projection))
    row = cursor.fetchone()
    return None if row is None else Live(row[0], _position(row[1:4]))


def all_live(cursor: Cursor) -> dict[tuple[str, int], Live]:
    """By name and version."""
    cursor.execute(ALL_LIVE)
    return {(row[0], row[1]): Live(row[2], _position(row[3:])) for row in cursor}


def enter(cursor: Cursor, schema: str) -> None:
    """Tables without a schema name mean this one's until the transaction ends."""
    assert SCHEMA_PATTERN.fullmatch(schema), schema
    cursor.execute(ENTER, {"schema": schema})


def advance(cursor: Cursor, projection: Projection, position: Position) -> None:
    cursor.execute(ADVANCE, {**_named(projection), **placed(position)})


def advance_idle(cursor: Cursor, schemas: Sequence[str], after: Position | None, to: Position) -> None:
    """Move several that had nothing to fold between two positions; who moved meanwhile stays."""
    moved = {"schemas": list(schemas), "from_sequence": after.sequence if after is not None else None}
    cursor.execute(ADVANCE_IDLE, {**moved, **placed(to)})


def create(cursor: Cursor, projection: Projection, made_at: datetime, *, indexed: bool) -> str:
    """A new schema with empty unlogged tables, entered. Without indexes, `settle` makes them."""
    prefix = f"{projection.name}_v{projection.version}_"
    cursor.execute(NEXT_BUILD, {**_named(projection), "prefix": prefix, "at": made_at})
    row = cursor.fetchone()
    assert row is not None
    schema: str = row[0]
    cursor.execute(CREATE_SCHEMA.format(schema=sql.Identifier(schema)))
    enter(cursor, schema)
    for table in projection.tables:
        cursor.execute(table.create)
        cursor.execute(SET_UNLOGGED.format(table=sql.Identifier(table.name)))
        for index in table.indexes if indexed else ():
            cursor.execute(index)
    return schema


def settle(cursor: Cursor, table: Table) -> None:
    """A bulk-loaded table becomes durable, then indexed, then known to the planner."""
    cursor.execute(SET_LOGGED.format(table=sql.Identifier(table.name)))
    for index in table.indexes:
        cursor.execute(index)
    cursor.execute(ANALYZE.format(table=sql.Identifier(table.name)))


def make_durable(cursor: Cursor, table: Table) -> None:
    """A table that was filled with its indexes in place becomes durable and known to the planner."""
    cursor.execute(SET_LOGGED.format(table=sql.Identifier(table.name)))
    cursor.execute(ANALYZE.format(table=sql.Identifier(table.name)))


def switch(cursor: Cursor, projection: Projection, to: Live, at: datetime) -> None:
    """From the commit on, `to` answers; the one before it is retired."""
    before = live(cursor, projection, locked=True)
    where = placed(to.position) if to.position is not None else NOWHERE
    cursor.execute(SWITCH, {**_named(projection), "schema": to.schema, **where})
    if before is not None:
        cursor.execute(RETIRE, {"schema": before.schema, "at": at})


def drop(cursor: Cursor, schema: str) -> None:
    """The schema, its rows and what was parked for it."""
    assert SCHEMA_PATTERN.fullmatch(schema), schema
    cursor.execute(DROP_SCHEMA.format(schema=sql.Identifier(schema)))
    cursor.execute(FORGET_PARKED, {"schema": schema})
    cursor.execute(MARK_DROPPED, {"schema": schema})


def end(cursor: Cursor, name: str) -> None:
    """Drop every live build of this name; nothing answers until a rebuild."""
    cursor.execute(END_LIVE, {"name": name})
    for (schema,) in cursor.fetchall():
        drop(cursor, schema)


def unfinished(cursor: Cursor, projection: Projection) -> tuple[str, ...]:
    """Builds that are neither live nor retired: their rebuild runs now, or died."""
    cursor.execute(UNFINISHED, _named(projection))
    return tuple(row[0] for row in cursor)


def retired(cursor: Cursor, before: datetime) -> tuple[str, ...]:
    cursor.execute(RETIRED, {"before": before})
    return tuple(row[0] for row in cursor)


def retire_outdated(cursor: Cursor, before: datetime, at: datetime) -> None:
    """Older versions end once a newer one has been there since `before`: their processes are gone."""
    cursor.execute(OUTDATED, {"before": before})
    for name, version in cursor.fetchall():
        cursor.execute(END_OUTDATED, {"name": name, "version": version})
        for (schema,) in cursor.fetchall():
            cursor.execute(RETIRE, {"schema": schema, "at": at})


NOWHERE: dict[str, object] = {"incarnation": None, "sequence": None, "digest": None}


def placed(position: Position) -> dict[str, object]:
    """A position as the three columns that hold one."""
    return {
        "incarnation": position.incarnation,
        "sequence": position.sequence,
        "digest": position.digest,
    }


def _named(projection: Projection) -> dict[str, object]:
    return {"name": projection.name, "version": projection.version}


def _position(row: Sequence[object]) -> Position | None:
    incarnation, sequence, digest = row
    if sequence is None:
        return None
    assert isinstance(incarnation, str)
    assert isinstance(sequence, int)
    assert isinstance(digest, bytes)
    return Position(incarnation, sequence, digest)

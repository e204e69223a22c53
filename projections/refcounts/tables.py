"""The tables of the references: edges, holders, superseded recipes, counts."""

from __future__ import annotations

from enum import IntEnum

from projections.projection import Table


class Kind(IntEnum):
    """What a node is. A parent's kind follows from its digest, a child's does not: a client may send a chunk
    whose bytes are those of somebody's recipe, and it must not pass for that recipe."""

    MANIFEST = 1
    TREE = 2
    RECIPE = 3
    CHUNK = 4
    SPARE = 5
    """A chunk as a superseded recipe names it: read while it lasts, promised to nobody."""


EDGES = Table(
    "edges",
    """
    CREATE TABLE edges (
        parent BYTEA NOT NULL,
        child BYTEA NOT NULL,
        kind SMALLINT NOT NULL
    )
    """,
    ("ALTER TABLE edges ADD PRIMARY KEY (parent, child)",),
)
HOLDERS = Table(
    "holders",
    """
    CREATE TABLE holders (
        repo TEXT NOT NULL,
        holder TEXT NOT NULL,
        manifest BYTEA NOT NULL
    )
    """,
    ("ALTER TABLE holders ADD PRIMARY KEY (repo, holder, manifest)",),
)
SUPERSEDED = Table(
    "superseded",
    """
    CREATE TABLE superseded (
        repo TEXT NOT NULL,
        old BYTEA NOT NULL,
        new BYTEA NOT NULL
    )
    """,
    ("ALTER TABLE superseded ADD PRIMARY KEY (repo, old)",),
)
COUNTS = Table(
    "counts",
    """
    CREATE TABLE counts (
        repo TEXT NOT NULL,
        kind SMALLINT NOT NULL,
        digest BYTEA NOT NULL,
        ref_count BIGINT NOT NULL CHECK (ref_count >= 0)
    )
    """,
    ("ALTER TABLE counts ADD PRIMARY KEY (digest, repo, kind)",),
)

"""Migrated databases, and everything that works on a handmade log over them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

import projections
from infra.postgres.migrate import migrate
from infra.postgres.pool import open_pool
from projections.operating import Digest, digest
from projections.projection import Projection
from projections.transactions import Pool
from tests.fakes import FakeClock, FakeIds
from tests.projections.handmade import HandmadeLog
from workers.projector import Projector
from workers.rebuild import Rebuilder


@dataclass(slots=True)
class House:
    """A log, a database, and the workers between them."""

    pool: Pool
    log: HandmadeLog
    clock: FakeClock
    ids: FakeIds
    all: tuple[Projection, ...] = projections.ALL

    def projector(self, batch_messages: int = 500) -> Projector:
        return Projector(self.pool, self.log, self.log, self.clock, self.ids, self.all, batch_messages)

    def rebuilder(self, *, bulk: bool = True, batch_messages: int = 500) -> Rebuilder:
        return Rebuilder(
            self.pool, self.log, self.log, self.log, self.clock, self.all, batch_messages, bulk=bulk
        )

    def follow(self, batch_messages: int = 500) -> None:
        """Make what is missing, then fold to the log's end."""
        self.rebuilder().make_missing()
        projector = self.projector(batch_messages)
        while projector.step():
            pass

    def digests(self) -> dict[str, Digest]:
        return {projection.name: digest(self.pool, projection) for projection in self.all}


@pytest.fixture(scope="module")
def module_pool(postgres_module_dsn: str) -> Iterator[Pool]:
    """One migrated database a module: tests drop the read models, not the database."""
    migrate(postgres_module_dsn, FakeClock())
    with open_pool(postgres_module_dsn, connections_max=4, wait_s=5) as pool:
        yield pool


def wait_for(holds: Callable[[], bool], timeout_s: float = 5) -> None:
    """Poll until it holds: for loops that run in a thread of their own."""
    end = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < end, "it did not come in time"
        time.sleep(0.01)


def emptied(pool: Pool) -> Pool:
    """Without any read model and without an archive."""
    with pool.connection() as connection:
        rows = connection.execute("SELECT schema FROM dits.projection_schemas").fetchall()
        for (schema,) in rows:
            connection.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE'.encode())
        connection.execute("TRUNCATE dits.projection_schemas, dits.live_projections, dits.parked_events")
        connection.execute("TRUNCATE dits.event_archive, dits.archive_audit")
    return pool


@pytest.fixture
def house(module_pool: Pool, clock: FakeClock, ids: FakeIds) -> House:
    return House(emptied(module_pool), HandmadeLog(), clock, ids)

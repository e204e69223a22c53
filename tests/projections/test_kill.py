"""SIGKILL of a projecting process, many times at any moment: nothing is lost and nothing comes twice (I5)."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial

import pytest

from infra.dev.nats_server import NatsEndpoints
from infra.eventlog.opening import LogAddress
from infra.postgres.migrate import migrate
from infra.postgres.pool import open_pool
from projections import ALL
from projections.operating import digest
from projections.transactions import Pool
from tests.contracts.test_projections import FilmAt, Workers
from tests.eventlog.homes import JetStreamHome
from tests.fakes import FakeClock
from tests.projections.conftest import wait_for

KILLS = 12
COMMITS = 30


@pytest.fixture
def home(nats_server: NatsEndpoints) -> Iterator[JetStreamHome]:
    made = JetStreamHome(nats_server)
    yield made
    made.close()


@pytest.fixture
def workers(home: JetStreamHome, postgres_dsn: str) -> Iterator[Workers]:
    """Read models that are live and empty, before a log of many commits."""
    film = FilmAt(home)
    migrate(postgres_dsn, FakeClock())
    with open_pool(postgres_dsn, connections_max=4, wait_s=5) as pool:
        made = Workers(pool, film.log, FakeClock())
        made.follow()
        head = None
        for number in range(COMMITS):
            head = film.commit(str(number), {"a.mov": f"{number:08}".encode()}, base=head)
        yield made


@pytest.mark.long
def test_a_projector_that_is_killed_again_and_again_folds_everything_once(
    home: JetStreamHome, workers: Workers, postgres_dsn: str
) -> None:
    reached = killed_while_projecting(home.address, postgres_dsn, workers.pool)
    assert len(reached) == KILLS
    workers.follow()
    live = [digest(workers.pool, projection) for projection in ALL]
    for projection in ALL:
        workers.rebuilder().rebuild(projection)
    assert [digest(workers.pool, projection) for projection in ALL] == live


def killed_while_projecting(address: LogAddress, dsn: str, pool: Pool) -> set[object]:
    """The positions at which processes died."""
    chance, reached = random.Random(7), set[object]()
    where = {"url": address.url, "system_url": address.system_url, "shard": address.shard.name, "dsn": dsn}
    for _ in range(KILLS):
        before = progress(pool)
        command = [sys.executable, "-m", "tests.projections.victim", json.dumps(where)]
        with subprocess.Popen(command) as process:
            wait_for(partial(has_moved, pool, before), timeout_s=20)
            time.sleep(chance.random() * 0.05)
            process.kill()
        reached.add(progress(pool))
    return reached


def has_moved(pool: Pool, before: tuple[object, ...]) -> bool:
    return progress(pool) != before


def progress(pool: Pool) -> tuple[object, ...]:
    with pool.connection() as connection:
        rows = connection.execute("SELECT name, sequence FROM dits.live_projections ORDER BY name")
        return tuple(rows.fetchall())

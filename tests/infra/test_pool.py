"""The pool of connections to PostgreSQL: what it does about a server that is there and does not answer."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from infra.clock import SystemClock
from infra.postgres.pool import open_pool
from tests.tcp_faults import TcpProxy, port_of, through

Pool = ConnectionPool[psycopg.Connection[TupleRow]]


@pytest.fixture
def pool(postgres_dsn: str) -> Iterator[Pool]:
    with open_pool(postgres_dsn, connections_max=1, wait_s=5, answer_s=0.2) as pool:
        yield pool


def test_a_statement_without_an_answer_is_given_up(pool: Pool) -> None:
    began_ms = SystemClock().monotonic_ms()
    with pytest.raises(psycopg.OperationalError), pool.connection() as connection:
        connection.execute("SELECT PG_SLEEP(20)")
    assert SystemClock().monotonic_ms() - began_ms < 5_000


def test_the_connection_that_was_given_up_is_replaced(pool: Pool) -> None:
    with pytest.raises(psycopg.OperationalError), pool.connection() as connection:
        connection.execute("SELECT PG_SLEEP(1)")
    with pool.connection() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_without_a_bound_a_statement_takes_its_time(postgres_dsn: str) -> None:
    with (
        open_pool(postgres_dsn, connections_max=1, wait_s=1) as patient,
        patient.connection() as connection,
    ):
        assert connection.execute("SELECT 7 FROM PG_SLEEP(0.5)").fetchone() == (7,)


@pytest.mark.long
def test_a_server_that_was_away_for_long_is_used_as_soon_as_it_is_back(postgres_dsn: str) -> None:
    proxy = TcpProxy(port_of(postgres_dsn))
    with open_pool(through(postgres_dsn, proxy), connections_max=1, wait_s=60) as pool:
        with proxy.unreachable():
            SystemClock().sleep(8)  # the pool's own pauses would have grown to 8 s now
        began_ms = SystemClock().monotonic_ms()
        with pool.connection() as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert SystemClock().monotonic_ms() - began_ms < 5_000
    proxy.stop()

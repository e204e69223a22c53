"""The connections that one process holds to PostgreSQL.

Promises: bounded in number and in waiting; a connection that died (a restart of the server) is noticed
before it is handed out and replaced; opening the pool does not fail when the server is away; where a request
waits for the answer, it does not wait for ever.
"""

from __future__ import annotations

from typing import TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

RV = TypeVar("RV")
Pool = ConnectionPool[psycopg.Connection[TupleRow]]

RECONNECT_S = 3.0
"""So long are the pauses between tries to connect allowed to grow. The pool's own five minutes would leave a
database that is back unused for up to two of them."""
INTERRUPTS_EVERY_S = 0.1
"""How soon Ctrl-C is noticed while a statement runs; psycopg's own value."""

# Time zone and bytea's text form are part of every digest of rows; keepalives notice a lost network.
OPTIONS = "-c timezone=UTC -c bytea_output=hex -c idle_in_transaction_session_timeout=60000"
KEEPALIVES = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}


class BoundedConnection(psycopg.Connection[TupleRow]):
    """Gives up on a server that is there and does not answer, which TCP alone never notices."""

    answer_s: float | None = None

    def wait(self, gen: PQGen[RV], interval: float = INTERRUPTS_EVERY_S, timeout: float | None = None) -> RV:
        """Raises OperationalError if a statement's answer takes longer than `answer_s`."""
        try:
            return super().wait(gen, interval, self.answer_s if timeout is None else timeout)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == psycopg.pq.TransactionStatus.ACTIVE:
                self.pgconn.finish()  # the answer may still come, and would be taken for that of the next
            raise


def open_pool(
    dsn: str, *, connections_max: int, wait_s: float, answer_s: float | None = None, name: str = "dits"
) -> Pool:
    """A pool of at most `connections_max`; whoever waits longer than `wait_s` for one gets PoolTimeout.

    `answer_s` bounds each statement, for processes whose callers wait; a rebuild takes the time it takes.
    """

    def bound(connection: psycopg.Connection[TupleRow]) -> None:
        assert isinstance(connection, BoundedConnection)
        connection.answer_s = answer_s

    return ConnectionPool(
        dsn,
        connection_class=BoundedConnection,
        configure=bound,
        min_size=1,
        max_size=connections_max,
        timeout=wait_s,
        max_waiting=connections_max * 32,
        reconnect_timeout=RECONNECT_S,
        reconnect_failed=_go_on_trying,
        check=ConnectionPool.check_connection,
        open=True,
        name=name,
        kwargs={
            "options": OPTIONS,
            "application_name": name,
            "connect_timeout": max(1, int(wait_s)),
            **KEEPALIVES,
        },
    )


def _go_on_trying(pool: Pool) -> None:
    """In short steps again, as long as the server is away."""
    if not pool.closed:
        pool.check()

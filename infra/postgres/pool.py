"""The connections that one process holds to PostgreSQL.

Promises: bounded in number and in waiting; a connection that died (a restart of the server) is noticed
before it is handed out and replaced; opening the pool does not fail when the server is away.
"""

from __future__ import annotations

import psycopg
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

Pool = ConnectionPool[psycopg.Connection[TupleRow]]

# Time zone and bytea's text form are part of every digest of rows; keepalives notice a lost network.
OPTIONS = "-c timezone=UTC -c bytea_output=hex -c idle_in_transaction_session_timeout=60000"
KEEPALIVES = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}


def open_pool(dsn: str, *, connections_max: int, wait_s: float, name: str = "dits") -> Pool:
    """A pool of at most `connections_max`; whoever waits longer than `wait_s` for one gets PoolTimeout."""
    return ConnectionPool(
        dsn,
        connection_class=psycopg.Connection[TupleRow],
        min_size=1,
        max_size=connections_max,
        timeout=wait_s,
        max_waiting=connections_max * 32,
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

"""The embedded servers: durable, private, refused twice, and gone when we are gone (real ones)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from infra.dev.cluster import Cluster, Endpoints
from infra.settings import Settings


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cluster") / "data"


@pytest.fixture
def running(data_dir: Path) -> Iterator[Endpoints]:
    with Cluster(data_dir, Settings()) as endpoints:
        yield endpoints


def test_rows_survive_a_restart(data_dir: Path) -> None:
    with Cluster(data_dir, Settings()) as first, psycopg.connect(first.postgres_dsn) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    with Cluster(data_dir, Settings()) as second, psycopg.connect(second.postgres_dsn) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)
